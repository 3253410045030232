"""A small ladder, and trainings of protocols, whose tools are fakes."""

from pathlib import Path

import pytest

from tests.helpers.ladder_fakes import FakeLadder
from tests.helpers.training_fakes import TrainingFakes


@pytest.fixture
def ladder(tmp_path: Path, synthetic_nuscenes: Path, monkeypatch: pytest.MonkeyPatch) -> FakeLadder:
    made = FakeLadder(tmp_path, synthetic_nuscenes)
    monkeypatch.setattr('dos_mm3d.studies.protocols.ladder.train_command', made.train_command)
    monkeypatch.setattr('dos_mm3d.studies.protocols.probe_plan.probe_command', made.probe_command)
    return made


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingFakes:
    made = TrainingFakes(tmp_path)
    monkeypatch.setattr('dos_mm3d.studies.protocols.training.cell_commands', made.commands)
    return made
