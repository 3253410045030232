"""A name with a rate of its own must be one of the model's."""

import logging

import pytest
from mmengine.config import Config
from torch import nn

from dos_mm3d.engine import custom_keys
from dos_mm3d.engine.custom_keys import PLACE, check_custom_keys
from dos_mm3d.errors import UserError


def check(keys: dict, typed: str = '', constructor: str | None = None) -> None:
    wrapper = dict(paramwise_cfg=dict(custom_keys=keys), **({'constructor': constructor} if constructor else {}))
    model = nn.ModuleDict(dict(backbone=nn.Sequential(nn.Linear(2, 2)), pts_bbox_head=nn.Linear(2, 2)))
    check_custom_keys(model, Config(dict(optim_wrapper=wrapper)), [f'{PLACE}.{typed}.lr_mult'] if typed else [])


@pytest.mark.parametrize('name', ['backbone', 'pts_bbox_head', '0.weight', 'bbox', 'bias'])
def test_a_part_of_a_parameters_name_is_taken(name):
    check({name: dict(lr_mult=0.1, decay_mult=0)}, typed=name)


@pytest.mark.parametrize(
    ('name', 'meant'), [('backbon e', 'backbone'), ('bbox_head.0', 'pts_bbox_head'), ('stem', 'backbone')]
)
def test_a_name_of_the_command_line_that_nothing_has_is_refused_with_the_nearest(name, meant):
    with pytest.raises(UserError, match=rf'custom_keys.{name} would change nothing.*nearest: .*{meant}'):
        check({name: dict(lr_mult=0.1)}, typed=name)


def test_one_of_the_config_itself_is_warned_of(monkeypatch):
    said = []
    monkeypatch.setattr(custom_keys, 'print_log', lambda text, **how: said.append((text, how['level'])))
    check({'absolute_pos_embed': dict(decay_mult=0)})
    [(text, level)] = said
    assert 'absolute_pos_embed would change nothing' in text and level == logging.WARNING


def test_what_nobody_reads_of_a_name_is_refused():
    with pytest.raises(UserError, match='backbone has lrmult, which nothing reads; wanted lr_mult, decay_mult'):
        check({'backbone': dict(lrmult=0.1)})


def test_another_constructor_reads_names_in_its_own_way():
    check({'nothing': dict(depth=1)}, typed='nothing', constructor='PTv3LayerDecay')
