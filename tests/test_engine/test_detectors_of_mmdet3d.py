"""What the command line makes of mmdet3d's detectors: numbers with which nothing is found, sizes that do not fit."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.engine.launch import message_for_user
from dos_mm3d.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
SMALL = CONFIGS / 'centerpoint/centerpoint_small_synthetic.py'


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('model.train_cfg.pts.max_objs', '0'),
        ('model.train_cfg.pts.gaussian_overlap', '5'),
        ('model.test_cfg.pts.score_threshold', '2'),
        ('model.test_cfg.pts.nms_thr', '-1'),
        ('model.test_cfg.pts.max_per_img', '0'),
        ('model.test_cfg.pts.post_max_size', '-3'),
    ],
)
def test_numbers_with_which_nothing_is_learnt_or_found_are_refused(key, value):
    with pytest.raises(InputError, match=rf'{key}={value}: wanted a number'):
        load_with_overrides(SMALL, {key: value})


def model_in(module: str, file: str) -> object:
    """A model whose layers do not fit, as code of a file of a module."""
    made = ModuleType(module)
    text = 'import torch\nclass Model:\n    def train_step(self, data):\n        torch.nn.Linear(2, 2)(torch.ones(3))\n'
    exec(compile(text, file, 'exec'), made.__dict__)
    return made.Model()


@pytest.mark.parametrize(
    ('module', 'file', 'said'),
    [
        ('mmdet3d.models.necks.some_fpn', '/x/site-packages/mmdet3d/models/necks/some_fpn.py', True),
        ('dos_mm3d.models.methods.some', '/x/dos_mm3d/models/methods/some.py', False),
    ],
)
def test_a_step_of_mmdet3ds_models_that_fails_is_a_sentence_and_one_of_ours_is_not(module, file, said):
    with pytest.raises(RuntimeError) as caught:
        model_in(module, file).train_step(None)
    message = message_for_user(caught.value)
    assert (message is not None) == said
    if said:
        assert message.startswith('Model cannot take a batch (RuntimeError: mat1 and mat2') and 'in some_fpn' in message


def test_what_is_no_step_stays_a_traceback():
    with pytest.raises(RuntimeError) as caught:
        torch.nn.Linear(2, 2)(torch.ones(3))
    assert message_for_user(caught.value) is None
