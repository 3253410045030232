"""All checks, in order."""

from . import amp, head, ops, ranks, speed, training
from .check import Check
from .environment import environment


def all_checks() -> list[Check]:
    """What rests on less comes first: the packages, single operations, small trainings, then what takes longer."""
    stages = (ops, training, head, amp, ranks, speed)
    return [Check('environment', environment), *(check for stage in stages for check in stage.checks())]
