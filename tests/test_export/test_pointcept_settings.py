"""What the tensors of a Pointcept file do not show is asked for, taken from a config, or said to be assumed."""

import json

import pytest
import torch
from mmdet3d.registry import MODELS

from dos_mm3d.errors import InputError
from dos_mm3d.export.files import read_checkpoint
from dos_mm3d.export.pointcept_config import read_published
from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3
from tests.helpers.pointcept_files import CHANNELS, convert, network, published_config, tensors, trainer_file
from tests.test_export.test_pointcept import run_tool

TRAINER_CONFIG = """
_base_ = ['../_base_/default_runtime.py']
epoch = 50
model = dict(
    type='DefaultSegmentorV2',
    backbone=dict(type='PT-v3m2', in_channels=6, order=('z', 'hilbert'), enc_depths=(2, 1), enc_num_head=(2, 4),
                  enc_patch_size=(64, 64), stride=(2,), pre_norm=True, shuffle_orders=True),
    criteria=[dict(type='CrossEntropyLoss')],
)
data = dict(open('/never', 'w'))
"""


def of_the_issue() -> PTv3:
    """Heads [2, 4] and patches of 64: neither can be seen in the tensors."""
    torch.manual_seed(0)
    encoder = dict(channels=CHANNELS['m2'], depths=(2, 1), heads=(2, 4), patch_sizes=64)
    net = PTv3(6, encoder, orders=['z', 'hilbert'])
    for value in net.state_dict().values():
        value.normal_()
    return net.eval()


def features(net: PTv3) -> torch.Tensor:
    grid = torch.randint(0, 30, (400, 3), generator=torch.Generator().manual_seed(0)).unique(dim=0)
    rows = torch.rand(len(grid), 6, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return net(Cloud.from_points(rows, grid * 0.1, torch.zeros(len(grid)), grid_coord=grid)).feat


def trained(net: PTv3) -> dict:
    return trainer_file(tensors(net, 'module.backbone.'))


@pytest.mark.parametrize(
    ('variant', 'given', 'options'),
    [
        ('m2', {}, ['--heads', '--patch-size']),
        ('m2', dict(enc_num_head=[2, 4]), ['--patch-size']),
        ('m2', dict(enc_patch_size=64), ['--heads']),
        ('m1', {}, ['--heads', '--decoder-heads', '--patch-size']),
        ('m3', {}, ['--patch-size']),
    ],
)
def test_what_nobody_says_is_asked_for(variant, given, options, tmp_path):
    content = trained(network(variant, decoder=variant == 'm1'))
    with pytest.raises(InputError) as caught:
        convert(content, tmp_path, given=given)
    assert [name for name in ('--heads', '--decoder-heads', '--patch-size') if name in str(caught.value)] == options
    assert '--config' in str(caught.value) and not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('way', ['options', 'py', 'json'])
def test_what_is_given_makes_the_features_of_the_source(way, tmp_path, monkeypatch, capsys):
    source = of_the_issue()
    torch.save(trained(source), tmp_path / 'in.pth')
    (tmp_path / 'a.py').write_text(TRAINER_CONFIG)
    (tmp_path / 'a.json').write_text(json.dumps({'backbone': published_config()}).replace('[48, 64]', '[64, 64]'))
    said = {
        'options': ['--heads', '2', '4', '--patch-size', '64', '--orders', 'z', 'hilbert'],
        'py': ['--config', str(tmp_path / 'a.py')],
        'json': ['--config', str(tmp_path / 'a.json')],
    }
    run_tool(monkeypatch, str(tmp_path / 'in.pth'), str(tmp_path / 'out.pth'), *said[way])
    meta = read_checkpoint(tmp_path / 'out.pth')['meta']
    ours = MODELS.build({**meta['model'], 'init_cfg': dict(type='Pretrained', checkpoint=str(tmp_path / 'out.pth'))})
    ours.init_weights()
    assert torch.equal(features(ours.eval()), features(source))
    assert meta['settings_from']['enc_num_head'] == 'given' and meta['settings_from']['enc_channels'] == 'shapes'
    assert meta['settings_from']['drop_path'] == ('given' if way == 'json' else 'assumed')
    printed = capsys.readouterr()
    assert 'enc_num_head (given)' in printed.out
    assert ('assumed, as all public models have it: stride' in printed.err) == (way == 'options')


@pytest.mark.parametrize(
    ('config', 'given', 'message'),
    [
        (published_config(), dict(enc_num_head=[1, 2]), r'own config says enc_num_head=\[2, 4\], given is \[1, 2\]'),
        (published_config(), dict(enc_num_head='abc'), 'wanted positive whole numbers'),
        (published_config(), dict(dec_num_head=2), 'dec_num_head is 2, wanted .*a list of one for each level'),
        ({**published_config(), 'enc_num_head': 2}, {}, 'enc_num_head is 2, wanted .*a list of one for each level'),
        ({**published_config(), 'order': 'spiral'}, {}, 'order is'),
        ({**published_config(), 'pre_norm': [1]}, {}, 'pre_norm is'),
        ({**published_config(), 'enc_patch_size': (48, -1)}, {}, 'enc_patch_size is'),
    ],
)
def test_contradictions_and_impossible_values_are_refused(config, given, message, tmp_path):
    with pytest.raises(InputError, match=message):
        convert(dict(config=config, state_dict=tensors(network())), tmp_path, given=given)


def test_a_table_of_relative_positions_refuses_another_patch_size(tmp_path):
    net = PTv3(6, dict(channels=(16, 32), depths=(2, 1), heads=(1, 2), patch_sizes=128), block=dict(rpe=True))
    with pytest.raises(InputError, match='fits no patch size of 64'):
        convert(trained(net), tmp_path, given=dict(enc_patch_size=64))
    with pytest.raises(InputError, match=r'given is enc_num_head=\[2, 2\], its tensors \[1, 2\]'):
        convert(trained(net), tmp_path, given=dict(enc_num_head=[2, 2]))
    done = convert(trained(net), tmp_path, given={'dec_num_head': [1]})
    assert 'no decoder in it, so dec_num_head is not used' in ' '.join(done.warnings)
    assert done.model['encoder']['patch_sizes'] == 128 and done.origins['enc_patch_size'] == 'assumed'


def test_what_the_reference_computes_otherwise_or_we_do_not_know_is_said(tmp_path):
    config = published_config(enable_flash=False, rotary_twist=3)
    warnings = ' '.join(convert(dict(config=config, state_dict=tensors(network())), tmp_path).warnings)
    assert 'enable_flash=False' in warnings and 'rotary_twist' in warnings and 'traceable' not in warnings


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('model = dict(', 'not Python text'),
        ('a = 1', 'has none of'),
        ('n = 2\nmodel = dict(backbone=dict(enc_num_head=[n, 4]))', 'wanted a literal'),
        ("model = dict(enc_num_head=[2, 4])\nmodel['enc_num_head'] = [1, 2]", 'line 2 changes model after it was set'),
        ('model = dict(enc_num_head=[2, 4])\nmodel.update(enc_num_head=[1, 2])', 'line 2 changes model'),
        ('enc_num_head = [2, 4]\nif True:\n    enc_num_head = [1, 2]', 'line 2 changes enc_num_head'),
        ('backbone = dict(enc_num_head=[2])\nfor n in [4]:\n    backbone["enc_num_head"] += [n]', 'line 2 changes'),
        ('\0', 'not Python text'),
    ],
)
def test_a_config_that_does_not_say_it_is_named(text, message, tmp_path):
    (tmp_path / 'a.py').write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_published(tmp_path / 'a.py')
    assert 'a.py' in str(caught.value)
    with pytest.raises(FileNotFoundError):
        read_published(tmp_path / 'b.py')
