"""What a checkpoint says of its training, against the config that it is used with."""

import pytest
import torch
from mmengine.config import Config

from dos_mm3d.engine import trained_config
from dos_mm3d.engine.trained_config import changes_since_training, warn_of_other_heads, warn_of_other_settings

TEXT = """
input_channels = ['x', 'y']
model = dict(
    backbone=dict(type='B', patch_size=[64, 64], attention='sdpa', init_cfg=dict(checkpoint='/a')),
    data_preprocessor=dict(voxel_layer=dict(voxel_size=(0.2, 0.2, 0.2))),
    loss_cls=dict(weight=1.0))
"""
PLACES = ('input_channels', 'model.backbone', 'model.data_preprocessor')


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({'state_dict': {'w': torch.zeros(1)}, 'meta': {'cfg': TEXT}}, tmp_path / 'a.pth')
    return tmp_path / 'a.pth'


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ({}, ''),
        ({'model.backbone.attention': 'flash_attn', 'model.backbone.init_cfg': None, 'model.loss_cls.weight': 2.0}, ''),
        ({'model.backbone.patch_size': [1024, 64]}, 'model.backbone.patch_size: [64, 64] -> [1024, 64]'),
        (
            {'model.data_preprocessor.voxel_layer.voxel_size': [0.25, 0.25, 0.2]},
            'voxel_layer.voxel_size: [0.2, 0.2, 0.2] -> [0.25, 0.25, 0.2]',
        ),
        ({'input_channels': ['x', 'z']}, 'input_channels: '),
    ],
)
def test_settings_that_no_shape_shows_are_compared(checkpoint, monkeypatch, change, said):
    cfg = Config.fromstring(TEXT, '.py')
    cfg.merge_from_dict(change)
    found = changes_since_training(checkpoint, cfg, PLACES)
    assert len(found) == (1 if said else 0) and said in ''.join(map(str, found))
    told = []
    monkeypatch.setattr(trained_config, 'print_log', lambda text, **kwargs: told.append(text))
    warn_of_other_settings(checkpoint, cfg)
    assert len(told) == len(found) and said in ''.join(told)


def test_files_that_do_not_say_are_taken(tmp_path):
    for meta in ({}, {'meta': {}}, {'meta': None}, {'meta': {'cfg': 3}}):
        torch.save({'state_dict': {'w': torch.zeros(1)}, **meta}, tmp_path / 'a.pth')
        assert changes_since_training(tmp_path / 'a.pth', Config.fromstring(TEXT, '.py'), PLACES) == []


@pytest.mark.parametrize(
    ('meta', 'heads', 'said'),
    [
        ({'config': 'model = dict(ptv3=dict(encoder=dict(heads=(2, 4))))'}, [2, 4], ''),
        ({'config': 'model = dict(ptv3=dict(encoder=dict(heads=(2, 4))))'}, [4, 4], 'encoder.heads=[2, 4]'),
        ({'model': dict(encoder=dict(heads=3))}, 6, 'encoder.heads=3, the config has 6'),
        ({'cfg': 'model = dict(decoder=dict(heads=3))'}, 6, ''),
        ({'config': 'model: {encoder: {heads: 3}'}, 6, ''),
        ({}, 6, ''),
    ],
    ids=['the same', 'an export', 'a PatchEncoder', 'another part', 'no Python', 'does not say'],
)
def test_other_attention_heads_are_told_wherever_the_transformer_is(tmp_path, monkeypatch, meta, heads, said):
    torch.save({'state_dict': {'w': torch.zeros(1)}, 'meta': meta}, tmp_path / 'a.pth')
    told = []
    monkeypatch.setattr(trained_config, 'print_log', lambda text, **kwargs: told.append(text))
    segmentor = dict(type='Segmentor', backbone=dict(type='Any', encoder=dict(heads=heads)))
    warn_of_other_heads(tmp_path / 'a.pth', dict(model=segmentor))
    assert len(told) == (1 if said else 0) and said in ''.join(told)
