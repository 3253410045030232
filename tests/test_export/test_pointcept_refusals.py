"""Files that are not Pointcept's, or hold code, are refused, and none of it runs."""

import pickle
import re
from pathlib import Path

import pytest
import torch

from dos_mm3d.errors import InputError
from dos_mm3d.export.pointcept import convert_pointcept
from tests.helpers.pointcept_files import convert, head, network, published_config, tensors


def without(state: dict, *names: str) -> dict:
    return {name: value for name, value in state.items() if name not in names}


LITEPT = {'embedding.stem.conv.weight': torch.ones(1), 'enc.enc0.block0.conv.0.weight': torch.ones(1)}


@pytest.mark.parametrize(
    ('content', 'settings', 'message'),
    [
        (lambda: dict(config={}, state_dict=head()), {}, 'not a Point Transformer V3. Found seg_head'),
        (lambda: dict(state_dict={'layer1.0.weight': torch.ones(2)}), {}, 'not a Point Transformer V3'),
        (lambda: dict(state_dict=tensors(network(), 'student.backbone.ptv3.')), {}, 'behind one of'),
        (lambda: dict(weights=1), {}, 'no .state_dict. of tensors'),
        (lambda: dict(state_dict={'a': 1}), {}, 'no .state_dict. of tensors'),
        (lambda: dict(state_dict={}), {}, 'no .state_dict. of tensors'),
        (lambda: [torch.ones(2)], {}, 'holds a list'),
        (lambda: dict(state_dict=tensors(network())), dict(branch='teacher'), 'has no branch teacher'),
        (lambda: dict(state_dict=tensors(network())), dict(condition=0), 'its norms are plain'),
        (lambda: dict(state_dict=LITEPT), {}, 'LitePT'),
        (
            lambda: dict(state_dict=without(tensors(network()), 'enc.enc1.block0.norm1.0.weight')),
            {},
            'enc.enc1.block0.norm1.0.weight is missing',
        ),
        (
            lambda: dict(state_dict={**tensors(network()), 'enc.enc1.down.proj.weight': torch.ones(3, 3)}),
            {},
            'do not fit the model of the others: enc.enc1.down.proj.weight',
        ),
        (
            lambda: dict(state_dict={**tensors(network()), 'embedding.stem.linear.bias': torch.full((16,), torch.nan)}),
            {},
            'NaN or infinity',
        ),
        (
            lambda: dict(config={**published_config(), 'enc_channels': (16, 64)}, state_dict=tensors(network())),
            {},
            r'its config says enc_channels=\[16, 64\], its tensors \[16, 32\]',
        ),
        (
            lambda: dict(
                config={**published_config(), 'dec_patch_size': (64,)}, state_dict=tensors(network(decoder=True))
            ),
            {},
            'dec_patch_size',
        ),
        (
            lambda: dict(config={**published_config(), 'enc_num_head': (3, 3)}, state_dict=tensors(network())),
            {},
            'no model can be built',
        ),
    ],
)
def test_other_files_are_refused(content, settings, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        convert(content(), tmp_path, **settings)
    assert 'in.pth' in str(caught.value)
    assert not (tmp_path / 'out.pth').exists()


@pytest.mark.parametrize('variant', ['m1', 'm3'])
@pytest.mark.parametrize(
    'name',
    [
        'embedding.stem.{stem}.weight',
        'enc.enc0.block0.norm1.0.weight',
        'enc.enc0.block0.mlp.0.fc1.weight',
        'enc.enc0.block0.attn.{table}',
        'dec.dec0.up.proj.0.weight',
    ],
)
def test_tensors_of_no_such_shape_are_named(name, variant, tmp_path):
    """Those that show the sizes of the model; others are compared with it."""
    parts = dict(m1=('conv', 'rpe.rpe_table'), m3=('linear', 'rope.inv_freq'))[variant]
    name = name.format(stem=parts[0], table=parts[1])
    whole = tensors(network(variant, decoder=True, **({'block': dict(rpe=True)} if variant == 'm1' else {})))
    for shape in ((), (0,), (2,), (2, 0), (1, 2, 3)):
        if len(shape) == whole[name].ndim and 0 not in shape:
            continue
        with pytest.raises(InputError, match=rf'{re.escape(name)} has shape'):
            convert(dict(state_dict={**whole, name: torch.ones(shape)}), tmp_path)
    deep = {**whole, 'enc.enc0.block99999999.norm1.0.weight': torch.ones(16)}
    with pytest.raises(InputError, match='is of block 99999999, and there are'):
        convert(dict(state_dict=deep), tmp_path)


class Malicious:
    """Unpickling it would create a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize('where', ['config', 'state_dict', 'plain pickle'])
def test_code_in_a_file_is_never_run(where, tmp_path):
    trap, path = tmp_path / 'executed', tmp_path / 'in.pth'
    content = dict(config={}, state_dict=tensors(network()))
    if where == 'plain pickle':
        path.write_bytes(pickle.dumps({'state_dict': Malicious(trap)}))
    else:
        content[where]['x'] = Malicious(trap)
        torch.save(content, path)
    with pytest.raises(ValueError, match='pickled objects, which are not loaded'):
        convert_pointcept(path, tmp_path / 'out.pth')
    assert not trap.exists()
    pickle.loads(pickle.dumps(Malicious(trap)))
    assert trap.exists(), 'the trap itself works'
