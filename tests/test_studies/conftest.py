"""A small ladder, and trainings of protocols, whose tools are fakes."""

from pathlib import Path

import pytest

from dos_mm3d.studies.ablation.ladder import LadderSettings
from dos_mm3d.studies.ablation.ladder_file import Ladder
from tests.helpers.ladder_fakes import Fakes, small_ladder
from tests.helpers.training_fakes import TrainingFakes


@pytest.fixture
def ladder(tmp_path: Path) -> Ladder:
    return small_ladder(tmp_path)


@pytest.fixture
def fakes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fakes:
    made = Fakes(tmp_path)
    for name in ('train_command', 'probe_command'):
        monkeypatch.setattr(f'dos_mm3d.studies.ablation.cells.{name}', getattr(made, name))
    return made


@pytest.fixture
def settings(ladder: Ladder, tmp_path: Path) -> LadderSettings:
    rows = ladder.select(None, options=False)
    return LadderSettings(ladder, rows, out=tmp_path / 'out', seeds=2, steps=3, split='test', workers=2, again=True)


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingFakes:
    made = TrainingFakes(tmp_path)
    monkeypatch.setattr('dos_mm3d.studies.protocols.training.cell_commands', made.commands)
    return made
