"""Every repair says what it is for and when it ends, and is made once."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mmengine.fileio import LocalBackend
from mmengine.hooks import CheckpointHook
from mmengine.model import MMDistributedDataParallel
from spconv.pytorch import functional

from dos_mm3d import compat

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('repair', compat.REPAIRS, ids=lambda repair: repair.__name__)
def test_a_repair_names_symptom_version_test_and_end(repair: Callable[[], None]) -> None:
    said = inspect.getdoc(repair)  # Python 3.13 strips the indent of docstrings, older ones keep it
    assert 'Symptom: ' in said and re.search(r'\d+\.\d+', said) and '\nCan go ' in said
    named = re.findall(r'tests/[\w/]+\.py', said)
    assert named and all((ROOT / path).is_file() for path in named)


def test_repairs_made_again_change_nothing() -> None:
    def repaired() -> tuple:
        saving = (LocalBackend.put, CheckpointHook._save_checkpoint_with_step)
        return *saving, MMDistributedDataParallel.__init__, functional.indice_conv

    before = repaired()
    compat.apply()
    assert before == repaired()
