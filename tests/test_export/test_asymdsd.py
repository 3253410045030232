"""AsymDSD's public checkpoints to ours and back: names, sizes, forms, refusals."""

import re
from pathlib import Path

import pytest
import torch

from dos_mm3d.errors import InputError, OutputExistsError
from dos_mm3d.export.asymdsd import convert_asymdsd
from tests.helpers import asymdsd_nets as nets
from tests.helpers.in_process import tool_in_process

HEADS = dict(heads=3, predictor_heads=2)
KINDS = [('dual', False), ('mpm', False), ('cls', False), ('dual', True)]
SIDE = r'(student|teacher)\.'
ENCODER = SIDE + r'point_encoder\.'
BLOCK = r'(norm\.weight|attn\.in_proj_weight|attn\.out_proj\.weight)'
FEED_FORWARD = r'ffn\.(norm|mlp\.linear_1|mlp\.linear_2)\.weight'
PUBLIC_NAMES = (
    'mask_token',
    ENCODER + r'cls_token',
    ENCODER + r'patch_embedding\.point_embedding\.block_[12]\.[013]\.weight',
    ENCODER + r'patch_embedding\.point_embedding\.blocks\.0\.mlp\.[01458]\.weight',
    ENCODER + r'patch_embedding\.point_embedding\.blocks\.0\.mlp\.[048]\.bias',
    ENCODER + r'patch_embedding\.point_embedding\.blocks\.1\.mlp\.[014]\.weight',
    ENCODER + r'patch_embedding\.point_embedding\.blocks\.1\.mlp\.[04]\.bias',
    ENCODER + r'patch_embedding\.position_embedding\.position_embedding\.[02]\.(weight|bias)',
    ENCODER + r'encoder\.stack\.[01]\.self_attn\.' + BLOCK,
    ENCODER + r'encoder\.stack\.[01]\.' + FEED_FORWARD,
    ENCODER + r'encoder\.norm\.weight',
    SIDE + r'(patch|cls)_projection_head\.mlp\.mlp\.[048]\.(weight|bias)',
    SIDE + r'(patch|cls)_projection_head\.linear\.(bias|parametrizations\.weight\.original[01])',
    r'student\.predictor\.(embedding|projection)\.(weight|bias)',
    r'student\.predictor\.module\.stack\.[01]\.cross_attn\.' + BLOCK,
    r'student\.predictor\.module\.stack\.[01]\.' + FEED_FORWARD,
    r'student\.predictor\.module\.norm\.weight',
    r'teacher\.(patch|cls)_centering\.center',
)
"""Patterns of the names in the state dicts of the public S and B models, for two blocks."""


def write(path: Path, content: dict) -> Path:
    torch.save(content, path)
    return path


def state_of(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)['state_dict']


def same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(value, theirs[name]) for name, value in ours.items())


@pytest.mark.parametrize(('form', 'deep'), KINDS)
def test_every_name_is_one_of_the_public_code(form, deep):
    names = list(nets.public_state(form, deep))
    assert len(set(names)) == len(names)
    assert not [name for name in names if not any(re.fullmatch(rule, name) for rule in PUBLIC_NAMES)]
    if form == 'dual':
        used = [rule for rule in PUBLIC_NAMES if any(re.fullmatch(rule, name) for name in names)]
        assert all(('blocks' if not deep else 'block_') in rule for rule in set(PUBLIC_NAMES) - set(used))


@pytest.mark.parametrize(('form', 'deep'), KINDS)
def test_there_and_back_by_tensor_equality(form, deep, tmp_path):
    state = nets.public_state(form, deep)
    public = write(tmp_path / 'public.ckpt', dict(state_dict=state, epoch=299))
    there = convert_asymdsd(public, tmp_path / 'ours.pth', **HEADS)
    assert not there.unused and not there.missing and set(there.used) == set(state)
    model = nets.build(form, seed=7, deep=deep)
    ours = state_of(tmp_path / 'ours.pth')
    model.load_state_dict(ours)  # strict: nothing missing, nothing left over, every shape
    meta = torch.load(tmp_path / 'ours.pth', weights_only=True)['meta']
    expected = nets.settings(form, deep=deep)
    for part in expected.keys() & {'encoder', 'predictor', 'patch', 'cls'}:
        assert expected[part].items() <= meta['model'][part].items() or part in ('encoder', 'patch', 'cls')
    assert meta['model'].keys() == expected.keys()
    back = convert_asymdsd(tmp_path / 'ours.pth', tmp_path / 'back.ckpt', **HEADS)
    assert not back.unused and not back.missing and set(back.used) == set(ours)
    assert same(state_of(tmp_path / 'back.ckpt'), state)


def test_the_converted_model_computes_the_same(tmp_path):
    """Built from the arguments in the new file alone."""
    from mmdet3d.registry import MODELS

    model = nets.build()
    ours = write(tmp_path / 'ours.pth', dict(state_dict=model.state_dict()))
    convert_asymdsd(ours, tmp_path / 'public.ckpt', **HEADS)
    convert_asymdsd(tmp_path / 'public.ckpt', tmp_path / 'again.pth', **HEADS)
    content = torch.load(tmp_path / 'again.pth', weights_only=True)
    again = MODELS.build(content['meta']['model'])
    again.load_state_dict(content['state_dict'])
    views = nets.batch(model)
    first, second = model.eval()(views), again.eval()(views)
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_what_is_not_of_the_model_is_listed(tmp_path, capsys, monkeypatch):
    state = nets.public_state('dual')
    lost = state.pop('teacher.cls_centering.center')
    assert lost.ndim == 1
    state['aug_transform.rot_vec'] = torch.zeros(1, 3)
    path = write(tmp_path / 'public.ckpt', dict(state_dict=state))
    convert = tool_in_process('convert_asymdsd', monkeypatch)
    convert(path, tmp_path / 'ours.pth', '--heads', 3, '--predictor-heads', 2)
    told = capsys.readouterr()
    used, unused = told.out.split('unused: ')
    unused, missing = unused.split('missing: ')
    assert used.startswith(f'used: {len(state) - 1} tensors')
    assert 'student.point_encoder.encoder.stack.0.* (6)' in used
    assert unused.startswith('1 tensors\n    aug_transform.rot_vec')
    assert missing.startswith('1 tensors\n    teacher.cls_centering.center')
    assert 'the missing tensors are not in the file' in told.err and 'assumed' not in told.err


@pytest.mark.parametrize(
    ('lost', 'said'),
    [
        ('teacher.', 'random: teacher'),
        ('encoder.stack.1.self_attn', 'random: '),
        ('cls_projection', 'lacks .*centering'),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path, lost, said):
    state = {name: value for name, value in nets.public_state('dual').items() if lost not in name}
    with pytest.raises(InputError, match=said):
        convert_asymdsd(write(tmp_path / 'part.ckpt', dict(state_dict=state)), tmp_path / 'ours.pth', **HEADS)
    assert not (tmp_path / 'ours.pth').exists()


def test_older_names_are_read(tmp_path):
    state = nets.public_state('dual')
    older = {
        '_orig_mod.' + re.sub(r'\.(self|cross)_attn\.', '.attn_module.', name).replace('.ffn.', '.ffn_module.'): value
        for name, value in state.items()
    }
    assert any('attn_module' in name for name in older) and any('ffn_module' in name for name in older)
    done = convert_asymdsd(write(tmp_path / 'old.ckpt', dict(state_dict=older)), tmp_path / 'ours.pth', **HEADS)
    assert not done.missing and not done.unused
    convert_asymdsd(write(tmp_path / 'new.ckpt', dict(state_dict=state)), tmp_path / 'other.pth', **HEADS)
    assert same(state_of(tmp_path / 'ours.pth'), state_of(tmp_path / 'other.pth'))


class Strange:
    """Something that only runs code could bring back."""


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda state: {'backbone.conv.weight': torch.zeros(2)}, 'no AsymDSD. Found backbone.conv'),
        (lambda state: {k: v for k, v in state.items() if 'stack.0.ffn' not in k}, r'lacks student.*linear_1.weight'),
        (lambda state: {**state, 'student.point_encoder.encoder.norm.weight': torch.ones(0)}, 'encoder.norm.weight'),
        (lambda state: {**state, 'student.predictor.module.norm.weight': torch.ones(5)}, '1 tensors do not fit'),
        (lambda state: {**state, 'mask_token': torch.full((1, 1, 12), torch.nan)}, '1 of 104 tensors hold NaN'),
        (lambda state: {**state, '_orig_mod.mask_token': torch.ones(1, 1, 12)}, 'under two names'),
        (lambda state: {**state, 'hyper_parameters': Strange()}, 'pickled objects, which are not loaded'),
    ],
)
def test_what_cannot_be_converted_is_refused(change, message, tmp_path):
    path = write(tmp_path / 'public.ckpt', dict(state_dict=change(nets.public_state('dual'))))
    with pytest.raises(InputError, match=message):
        convert_asymdsd(path, tmp_path / 'ours.pth', **HEADS)
    assert not (tmp_path / 'ours.pth').exists()


def test_heads_are_asked_for_where_the_public_width_of_a_head_does_not_divide(tmp_path):
    path = write(tmp_path / 'public.ckpt', dict(state_dict=nets.public_state('dual')))
    with pytest.raises(InputError, match=r'how many attention heads share 12 channels.*: give --heads'):
        convert_asymdsd(path, tmp_path / 'ours.pth')
    with pytest.raises(InputError, match=r'share 8 channels.*: give --predictor-heads'):
        convert_asymdsd(path, tmp_path / 'ours.pth', heads=3)


def test_heads_that_the_file_states_are_taken_and_others_refused(tmp_path):
    """Of a training's own config, and of an earlier conversion."""
    text = 'model = dict(type="AsymDSD", encoder=dict(heads=3), predictor=dict(heads=2))'
    state = nets.build().state_dict()
    ours = write(tmp_path / 'ours.pth', dict(state_dict=state, meta=dict(cfg=text)))
    for start, end in ((ours, tmp_path / 'public.ckpt'), (tmp_path / 'public.ckpt', tmp_path / 'again.pth')):
        done = convert_asymdsd(start, end)
        assert (done.model['encoder']['heads'], done.model['predictor']['heads']) == (3, 2)
        assert set(done.origins.values()) == {'stated'} and not any('assumed' in one for one in done.warnings)
        with pytest.raises(InputError, match='--heads 1, and the file says 3'):
            convert_asymdsd(start, tmp_path / 'other.pth', heads=1)
    assert same(state_of(tmp_path / 'again.pth'), state)


def test_another_file_is_not_replaced(tmp_path):
    path = write(tmp_path / 'public.ckpt', dict(state_dict=nets.public_state('mpm')))
    other = write(tmp_path / 'other.pth', dict(state_dict=dict(weight=torch.ones(2))))
    for out in (path, other):
        with pytest.raises(OutputExistsError):
            convert_asymdsd(path, out, **HEADS)
