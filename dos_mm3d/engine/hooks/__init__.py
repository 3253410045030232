"""Hooks of the runner."""

from .collapse_monitor import CollapseError, CollapseMonitorHook
from .data_wait import DataWaitHook, MemberSharesHook
from .dos import DOSHook
