"""Hooks and loops of the runner, registered into mmdet3d."""

from . import hooks, loops

__all__ = ['hooks', 'loops']
