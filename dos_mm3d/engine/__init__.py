"""Hooks and loops of the runner, registered into mmdet3d."""

from . import fused_adamw, hooks, layer_decay, loops, one_cycle
