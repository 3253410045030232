"""What the command lines of all studies with a record say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SPLITS = ('validation', 'test')


@dataclass(frozen=True, kw_only=True)
class StudyArguments:
    """How a study is run.

    Args:
        out: folder of cells and record.
        seeds: 0, 1, ... of everything that has a seed.
        split: that is scored: 'validation', for choosing settings, or 'test', which is reported once.
        steps: of every training, None as the configs say.
        overrides: values of --cfg-options for the configs that are trained.
        workers: cells side by side.
        retry_failed: whether cells without a number are run once more.
        again: whether a finished record of the test split may be replaced.
        command: as typed, for the record.
    """

    out: Path
    seeds: int
    split: str
    steps: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    retry_failed: bool = False
    again: bool = False
    command: str = ''
