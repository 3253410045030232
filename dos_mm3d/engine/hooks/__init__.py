"""Hooks of the runner."""

from .collapse_monitor import CollapseError, CollapseMonitorHook
from .data_wait import DataWaitHook
from .dos import DOSHook
from .member_shares import MemberSharesHook

__all__ = ['CollapseError', 'CollapseMonitorHook', 'DOSHook', 'DataWaitHook', 'MemberSharesHook']
