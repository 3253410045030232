"""Pointcept's files of every form become ours, tensor for tensor."""

import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from torch import Tensor

from dos_mm3d.errors import InputError
from dos_mm3d.export.files import read_checkpoint
from dos_mm3d.export.loading import fit_report
from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3
from tests.helpers.pointcept_files import (
    CHANNELS,
    HEADS,
    convert,
    head,
    network,
    pretraining,
    published_config,
    tensors,
    trainer_file,
)

TOOL = Path(__file__).resolve().parents[2] / 'tools/convert_pointcept.py'


def loaded(tmp_path: Path, done) -> PTv3:
    """The model of the report with the written file, by the way that users take: init_cfg."""
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'out.pth'))
    net = MODELS.build({**done.model, 'init_cfg': init_cfg})
    net.init_weights()
    return net.eval()


def assert_same(ours: PTv3, source: PTv3) -> None:
    assert ours.state_dict().keys() == source.state_dict().keys()
    for name, value in source.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name


@pytest.mark.parametrize('decoder', [False, True])
@pytest.mark.parametrize('variant', ['m1', 'm2', 'm3'])
@pytest.mark.parametrize('prefix', ['', 'backbone.', 'module.backbone.'])
def test_weights_arrive_in_the_matching_model(prefix, variant, decoder, tmp_path):
    source = network(variant, decoder=decoder)
    state = tensors(source, prefix) | (head(prefix.removesuffix('backbone.')) if prefix else {})
    done = convert(trainer_file(state) if prefix else dict(state_dict=state), tmp_path)
    ours = loaded(tmp_path, done)
    assert_same(ours, source)
    assert done.missing == ()
    assert len(done.used) == len(source.state_dict())
    assert done.unused == (('seg_head.weight', 'seg_head.bias') if prefix else ())
    assert ours.variant == variant
    grid = torch.randint(0, 30, (50, 3), generator=torch.Generator().manual_seed(0)).unique(dim=0)
    cloud = Cloud.from_points(torch.ones(len(grid), 6), grid * 0.1, torch.zeros(len(grid)), grid_coord=grid)
    with torch.no_grad():
        assert torch.equal(ours(cloud).feat, source(cloud).feat)


def test_a_published_config_says_what_shapes_do_not(tmp_path):
    done = convert(dict(config=published_config(), state_dict=tensors(network())), tmp_path)
    assert done.model['encoder'] == dict(
        channels=[16, 32], depths=[2, 1], heads=[2, 4], patch_sizes=[48, 64], strides=[2]
    )
    assert done.model['orders'] == ['z', 'hilbert']
    assert done.model['block']['drop_path'] == 0.1
    assert done.model['mask_token'] is False
    assert done.origins['enc_num_head'] == 'config in the file' and done.origins['enc_depths'] == 'shapes'
    assert loaded(tmp_path, done).enc.enc0.block0.attn.heads == 2


@pytest.mark.parametrize('settings', [dict(layer_scale=0.1), dict(rpe=True), dict(qkv_bias=False), dict(mlp_ratio=2)])
def test_optional_parts_are_found_in_the_shapes(settings, tmp_path):
    widths = CHANNELS['m2']
    source = PTv3(
        6, dict(channels=widths, depths=(2, 1), heads=HEADS, patch_sizes=128), block=settings, mask_token=True
    )
    done = convert(dict(state_dict=tensors(source)), tmp_path, given=dict(enc_num_head=HEADS, enc_patch_size=128))
    assert_same(loaded(tmp_path, done), source)
    assert done.model['mask_token'] is True


@pytest.mark.parametrize('module', ['', 'module.'])
@pytest.mark.parametrize('branch', [None, 'student', 'teacher'])
def test_each_side_of_a_pretraining(branch, module, tmp_path):
    student, teacher = network(mask_token=True), network(mask_token=True)
    teacher.embedding.mask_token.data.fill_(9)
    done = convert(pretraining(student, teacher, module), tmp_path, branch=branch)
    assert_same(loaded(tmp_path, done), teacher if branch == 'teacher' else student)
    other = 'student' if branch == 'teacher' else 'teacher'
    assert all(not name.startswith(f'{other}.') for name in done.used)
    assert f'{other}.backbone.embedding.mask_token' in done.unused
    assert 'student.mask_head.mlp.0.weight' in done.unused
    assert len(done.unused) == len(teacher.state_dict()) + 4


def listed_norms(source: PTv3, n_sets: int) -> dict[str, Tensor]:
    """PPT: every norm a list of norms, the i-th filled with i."""
    state = {}
    norms = {name for name, module in source.named_modules() if 'Norm' in type(module).__name__}
    for name, value in tensors(source).items():
        parent, _, leaf = name.rpartition('.')
        if parent not in norms:
            state[f'backbone.{name}'] = value
            continue
        for i in range(n_sets):
            state[f'backbone.{parent}.norm.{i}.{leaf}'] = torch.full_like(value, i)
    return state | {'embedding_table.weight': torch.ones(n_sets, 256), 'seg_heads.0.weight': torch.ones(3, 16)}


def test_one_training_set_of_a_model_of_several(tmp_path):
    source = network('m1', decoder=True)
    content = trainer_file(listed_norms(source, 3))
    with pytest.raises(ValueError, match='--condition 0 to 2'):
        convert(content, tmp_path)
    done = convert(content, tmp_path, condition=2)
    ours = loaded(tmp_path, done).state_dict()
    assert done.missing == ()
    assert float(ours['enc.enc1.down.norm.0.weight'].unique()) == 2
    assert float(ours['enc.enc0.block0.cpe.2.bias'].unique()) == 2
    assert torch.equal(ours['enc.enc0.block0.attn.qkv.weight'], source.state_dict()['enc.enc0.block0.attn.qkv.weight'])
    assert 'embedding_table.weight' in done.unused
    assert 'backbone.enc.enc0.block0.cpe.2.norm.1.bias' in done.unused


def test_what_was_learnt_must_be_there_and_what_is_counted_is_named(tmp_path):
    state = tensors(network('m1'))
    counted = next(name for name in state if name.endswith('num_batches_tracked'))
    for lost in ('enc.enc0.block1.attn.proj.bias', counted.replace('num_batches_tracked', 'running_var')):
        with pytest.raises(InputError, match=rf'lacks 1 of {len(state)} tensors of the model .*random: {lost}$'):
            convert(dict(state_dict={name: value for name, value in state.items() if name != lost}), tmp_path)
    del state[counted]
    assert convert(dict(state_dict=state), tmp_path).missing == (counted,)


@pytest.mark.parametrize('dtype', [torch.int8, torch.bool, torch.float8_e4m3fn, torch.complex64])
def test_weights_in_numbers_that_are_none(tmp_path, dtype):
    """Quantised ones, whose scale is elsewhere, would be taken for others."""
    state = {name: value.to(dtype) for name, value in tensors(network()).items()}
    with pytest.raises(InputError, match=r'as of a quantised model|no .state_dict. of tensors'):
        convert(dict(state_dict=state), tmp_path)
    assert not (tmp_path / 'out.pth').exists()


def test_the_file_fits_by_the_report_of_the_loader_too(tmp_path):
    done = convert(dict(state_dict=tensors(network('m1'))), tmp_path)
    report = fit_report(MODELS.build(done.model), read_checkpoint(tmp_path / 'out.pth')['state_dict'])
    assert not report.missing and not report.unexpected and not report.wrong_shape
    meta = read_checkpoint(tmp_path / 'out.pth')['meta']
    assert meta['model'] == done.model
    assert meta['source'] == 'in.pth'


def test_half_precision_becomes_single(tmp_path):
    state = {name: value.half() if value.is_floating_point() else value for name, value in tensors(network()).items()}
    convert(dict(state_dict=state), tmp_path)
    written = read_checkpoint(tmp_path / 'out.pth')['state_dict']
    assert {value.dtype for value in written.values()} == {torch.float32}


def run_tool(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *arguments])
    runpy.run_path(str(TOOL), run_name='__main__')


def test_the_tool_prints_what_it_did_and_fails_with_one_line(tmp_path, monkeypatch, capsys):
    torch.save(pretraining(network(), network()), tmp_path / 'in.pth')
    files = str(tmp_path / 'in.pth'), str(tmp_path / 'out.pth')
    run_tool(monkeypatch, *files, '--branch', 'teacher', '--heads', '1', '2', '--patch-size', '1024')
    printed = capsys.readouterr().out
    for text in ('used: ', 'teacher.backbone.enc.enc0.block0.* (18)', 'unused: ', 'student.mask_head.mlp.0.weight'):
        assert text in printed
    assert 'missing: 0 tensors' in printed
    torch.save({'state_dict': head()}, tmp_path / 'in.pth')
    with pytest.raises(SystemExit, match='1'):
        run_tool(monkeypatch, *files)
    assert capsys.readouterr().err.startswith('error: ')
