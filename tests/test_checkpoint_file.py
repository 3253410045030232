"""Checkpoints are read whatever numpy wrote them, in all of torch's forms; damage and other files are named."""

import argparse
import collections
import datetime
import io
import pickle
import random
import struct
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.runner import load_checkpoint
from torch import nn

import dos_mm3d  # noqa: F401  allows what mmengine writes
from dos_mm3d.checkpoint_file import load_checkpoint_file
from dos_mm3d.errors import InputError, UserError

CONTENT = {
    'state_dict': OrderedDict(weight=torch.arange(600.0).view(2, 300), bias=torch.ones(2)),
    'best': np.float64(0.5),
    'name': np.str_('car'),
    'seen': np.arange(5),
}


class Renaming(pickle._Pickler):
    """Writes numpy's functions under the module names of another release."""

    names = ('numpy.core.multiarray', 'numpy._core.multiarray')

    def save_global(self, obj, name=None):
        if getattr(obj, '__module__', None) in self.names and self.proto < 4:
            self.write(pickle.GLOBAL + f'{self.written_as}\n{obj.__name__}\n'.encode())
            self.memoize(obj)
            return
        super().save_global(obj, name)

    dispatch = {**pickle._Pickler.dispatch}


def pickling_as(module: str) -> type:
    """A module for torch.save whose pickles name numpy's functions as `module`."""
    pickler = type('Pickler', (Renaming,), {'written_as': module})
    return type('pickles', (), {'Pickler': pickler, 'dump': lambda o, f, protocol: pickler(f, protocol).dump(o)})


def test_what_trainings_of_others_leave_beside_their_weights_is_no_reason_to_refuse_them(tmp_path: Path) -> None:
    beside = {
        'args': argparse.Namespace(lr=0.1, nested=argparse.Namespace(out=Path('/a/b'))),
        'when': datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        'took': datetime.timedelta(seconds=3),
        'history': collections.defaultdict(list, loss=[1.0, 0.5]),
        'counts': collections.Counter('aab'),
        'kept': frozenset({1, 2}),
    }
    torch.save({**CONTENT, **beside}, tmp_path / 'a.pth')
    found = load_checkpoint_file(tmp_path / 'a.pth')
    assert same(found) and {name: found[name] for name in beside} == beside


def same(found: dict) -> bool:
    return (
        torch.equal(found['state_dict']['weight'], CONTENT['state_dict']['weight'])
        and found['best'] == 0.5
        and found['name'] == 'car'
        and np.array_equal(found['seen'], np.arange(5))
    )


@pytest.mark.parametrize('zipped', [True, False])
@pytest.mark.parametrize('module', ['numpy.core.multiarray', 'numpy._core.multiarray'])
def test_numpy_scalars_and_arrays_of_both_numpys_load(module: str, zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / 'a.pth'
    torch.save(CONTENT, path, pickle_module=pickling_as(module), _use_new_zipfile_serialization=zipped)
    assert module.encode() in path.read_bytes()
    assert same(load_checkpoint_file(path))
    assert load_checkpoint(nn.Linear(300, 2), str(path), strict=True)['best'] == 0.5


def test_weights_of_several_gpus_load_with_their_metadata(tmp_path: Path) -> None:
    source = nn.Sequential(nn.Linear(3, 2))
    state = nn.Sequential(OrderedDict(module=source)).state_dict()
    torch.save({'state_dict': state, 'iter': 3}, tmp_path / 'a.pth')
    found = load_checkpoint_file(tmp_path / 'a.pth')
    assert found['iter'] == 3 and list(found['state_dict']) == ['0.weight', '0.bias']
    assert found['state_dict']._metadata.keys() == source.state_dict()._metadata.keys()
    torch.save(state, tmp_path / 'bare.pth')
    assert list(load_checkpoint_file(tmp_path / 'bare.pth')) == ['0.weight', '0.bias']


def archive(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', compression) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode='w') as file:
        file.addfile(tarfile.TarInfo('a'))
    return buffer.getvalue()


def saved(**how) -> bytes:
    buffer = io.BytesIO()
    torch.save(CONTENT, buffer, **how)
    return buffer.getvalue()


def scripted() -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), buffer)
    return buffer.getvalue()


OTHERS: dict[str, tuple[Callable[[], bytes], str]] = {
    'nothing': (lambda: b'', 'is empty'),
    'cut off': (lambda: saved()[:-100], 'truncated or damaged'),
    'cut off, old form': (lambda: saved(_use_new_zipfile_serialization=False)[:-100], 'truncated'),
    'text': (lambda: b'hello world, this is a text', 'not readable as a checkpoint'),
    'web page': (lambda: b'<!DOCTYPE html><html></html>', 'a web page'),
    'pointer': (lambda: b'version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n', 'git lfs pull'),
    'safetensors': (lambda: struct.pack('<Q', 8) + b'{"a":{}}' + bytes(9), 'a safetensors file'),
    'gzip': (lambda: b'\x1f\x8b' + bytes(50), 'a gzip archive'),
    'tar': (tar, 'a tar archive'),
    'npz': (lambda: archive({'a.npy': b'x'}), 'an archive of a.npy, which is no checkpoint'),
    'packed anew': (lambda: archive({'a/data.pkl': b'x' * 99}, zipfile.ZIP_DEFLATED), 'was packed anew'),
    'script': (scripted, 'TorchScript'),
    'plain pickle of code': (lambda: pickle.dumps({'a': print}, 2), 'It holds pickled objects, which are not loaded'),
    'code': (lambda: saved_code(), 'GLOBAL print.*It holds pickled objects, which are not loaded'),
}


def saved_code() -> bytes:
    buffer = io.BytesIO()
    torch.save({'state_dict': {}, 'hook': print}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize('kind', OTHERS)
def test_what_is_no_checkpoint_is_named(kind: str, tmp_path: Path) -> None:
    make, message = OTHERS[kind]
    (tmp_path / 'a.pth').write_bytes(make())
    with pytest.raises(InputError, match=message) as caught:
        load_checkpoint_file(tmp_path / 'a.pth')
    assert str(tmp_path / 'a.pth') in str(caught.value) and '\n' not in str(caught.value)


def test_a_folder_and_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='is a folder'):
        load_checkpoint_file(tmp_path)
    with pytest.raises(FileNotFoundError, match='no such checkpoint'):
        load_checkpoint_file(tmp_path / 'a.pth')


def test_a_flipped_bit_is_never_a_wrong_number(tmp_path: Path) -> None:
    """torch reads it without a word."""
    whole, path, rng, refused = saved(), tmp_path / 'a.pth', random.Random(0), 0
    for _ in range(200):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            assert same(load_checkpoint_file(path))
        except UserError:
            refused += 1
    assert refused > 100


def test_a_torch_that_cannot_be_told_what_is_harmless_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({'state_dict': CONTENT['state_dict'], 'hub': Renaming}, tmp_path / 'a.pth')
    monkeypatch.delattr(torch.serialization, 'add_safe_globals')
    with pytest.raises(InputError, match=r'a\.pth: torch .* loads plain tensors only.*Take torch 2\.4 or newer'):
        load_checkpoint_file(tmp_path / 'a.pth')
