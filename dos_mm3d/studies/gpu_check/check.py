"""What a check is: one line of the table, its outcome PASS, FAIL or SKIP."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

PASS, FAIL, SKIP = 'PASS', 'FAIL', 'SKIP'


@dataclass(frozen=True)
class Place:
    """Where checks run.

    Args:
        device: that is checked: the GPU, or the CPU where there is none.
        folder: of all checks, each of which has its own below.
    """

    device: torch.device
    folder: Path

    @property
    def on_gpu(self) -> bool:
        return self.device.type == 'cuda'

    @property
    def world(self) -> Path:
        """Root of the embedded nuScenes that the first checks write."""
        return self.folder / 'world'


@dataclass(frozen=True)
class Found:
    """What a check that passes has to say.

    Args:
        said: its number, with a unit, on one line.
        facts: plain JSON for the record.
    """

    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)


class CheckFailed(Exception):
    """Something was computed, and it is wrong. facts: as of :class:`Found`."""

    def __init__(self, said: str, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(said)
        self.facts = facts or {}


class NotHere(Exception):
    """This machine cannot do what is asked; nothing is wrong with it."""


@dataclass(frozen=True)
class Check:
    """One line.

    Args:
        name: `stage` or `stage/part`.
        work: raises CheckFailed for a wrong result, and NotHere; every other error is a failure, too.
        limit_s: ended after that.
        needs_gpu: why it cannot be done without one; '': it can.
    """

    name: str
    work: Callable[[Place], Found]
    limit_s: float = 120.0
    needs_gpu: str = ''


@dataclass(frozen=True)
class Line:
    """What became of a check."""

    outcome: str
    name: str
    seconds: float
    said: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f'{self.outcome:4}  {self.name:26} {self.seconds:6.1f} s  {self.said}'
