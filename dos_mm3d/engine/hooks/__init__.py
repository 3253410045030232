"""Hooks of the runner."""

from .collapse_monitor import CollapseError, CollapseMonitorHook
from .dos import DOSHook

__all__ = ['CollapseError', 'CollapseMonitorHook', 'DOSHook']
