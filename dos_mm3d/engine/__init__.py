"""Hooks and loops of the runner, registered into mmdet3d."""

from . import gpu, hooks, layer_decay, loops, one_cycle
