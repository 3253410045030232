"""Hooks of the runner."""

from .checkpoint import CheckpointHook
from .collapse_monitor import CollapseError, CollapseMonitorHook
from .data_wait import DataWaitHook, MemberSharesHook
from .dos import DOSHook
from .going_on import GoOnHook
