"""Broken checkpoints and configs: converted or exported as they were, or refused with a named error."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st

from dos_mm3d.checkpoint_file import load_checkpoint_file
from dos_mm3d.export.asymdsd import convert_asymdsd
from dos_mm3d.export.backbone import export_backbone
from dos_mm3d.export.config_text import read_entry
from dos_mm3d.export.pointcept import convert_pointcept
from dos_mm3d.export.pointcept_config import read_published
from tests.helpers import asymdsd_nets
from tests.helpers.fuzz import LENGTHS, altered, broken, put, right_or_named, try_all
from tests.helpers.pointcept_files import SAID, head, network, published_config, tensors, trainer_file
from tests.test_export.conftest import CONFIG_TEXT
from tests.test_export.test_pointcept_settings import TRAINER_CONFIG


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('zipped', [True, False])
def test_damaged_checkpoints(tmp_path: Path, zipped: bool, examples: int) -> None:
    """torch's usual form has checksums: what is read is what was written. The form before 1.6 has none."""
    weights = {'weight': torch.arange(200.0).view(2, 100), 'bias': torch.ones(2)}
    path = tmp_path / 'a.pth'
    torch.save({'state_dict': weights, 'iter': 3}, path, _use_new_zipfile_serialization=zipped)

    def check(content: bytes) -> None:
        found: list = []
        if right_or_named(lambda: found.append(load_checkpoint_file(path)), put(path, content)) and zipped:
            assert all(torch.equal(found[0]['state_dict'][name], value) for name, value in weights.items())

    try_all(broken(path.read_bytes()), examples, check)


CHANGES = {
    'gone': None,
    'shape': lambda value: value.flatten()[:3],
    'empty': lambda value: value.new_zeros(0),
    'whole': lambda value: value.long(),
    'half': lambda value: value.half(),
    'nan': lambda value: value * float('nan'),
    'text': lambda value: 'text',
    'nothing': lambda value: None,
    'list': lambda value: [1, 2],
    'scalar': lambda value: value.sum(),
    'sparse': lambda value: value.to_sparse(),
    'wide': lambda value: torch.ones(1).expand(1 << 40),
    'turned': lambda value: value.T if value.ndim == 2 else value[None],
}
"""What may have become of a tensor; under the other names its number or its side is another."""
NAMES = {'level': ('0', '9'), 'side': ('enc', 'dec'), 'prefix': ('', 'module.'), 'letter': ('e', 'x')}


def tagged(kinds: dict[str, st.SearchStrategy]) -> st.SearchStrategy:
    """The name of a kind, and an example of it."""
    return st.sampled_from(sorted(kinds)).flatmap(lambda kind: st.tuples(st.just(kind), kinds[kind]))


def odd_states(whole: dict) -> st.SearchStrategy:
    """Up to three changes of a state dict: which tensor, and what became of it."""
    return st.lists(
        st.tuples(st.sampled_from(sorted(whole)), st.sampled_from([*CHANGES, *NAMES])), min_size=1, max_size=3
    )


def changed(whole: dict, changes: list[tuple[str, str]]) -> dict:
    """A state dict with the changes made."""
    state = dict(whole)
    for name, what in changes:
        value = state.pop(name, None)
        if isinstance(value, torch.Tensor) and what in NAMES:
            state[name.replace(*NAMES[what], 1)] = value
        elif value is whole[name] and what != 'gone':
            state[name] = CHANGES[what](value)
    return state


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('variant', ['m1', 'm2', 'm3'])
def test_pointcept_files(tmp_path: Path, variant: str, examples: int) -> None:
    whole = {**tensors(network(variant, decoder=variant == 'm1'), 'backbone.'), **head()}
    kinds = {'state': odd_states(whole), 'config': altered(published_config(variant)), 'said': altered(SAID)}
    torch.save(trainer_file(whole), tmp_path / 'whole.pth')
    # once before memory is measured: modules that are loaded then are no file's fault
    convert_pointcept(tmp_path / 'whole.pth', tmp_path / 'ours.pth', given=SAID)

    def check(example: tuple[str, Any]) -> None:
        kind, found = example
        content = trainer_file(changed(whole, found)) if kind == 'state' else {'state_dict': whole}
        given = {'state': SAID, 'config': {}, 'said': found if isinstance(found, dict) else {}}[kind]
        torch.save({**content, 'config': found} if kind == 'config' else content, tmp_path / 'in.pth')
        size = (tmp_path / 'in.pth').stat().st_size
        right_or_named(lambda: convert_pointcept(tmp_path / 'in.pth', tmp_path / 'out.pth', given=given), size)

    try_all(tagged(kinds), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_asymdsd_files(tmp_path: Path, examples: int) -> None:
    whole = asymdsd_nets.public_state('dual')

    def check(found: list[tuple[str, str]]) -> None:
        torch.save({'state_dict': changed(whole, found)}, tmp_path / 'in.pth')
        size = (tmp_path / 'in.pth').stat().st_size
        paths = tmp_path / 'in.pth', tmp_path / 'out.pth'
        right_or_named(lambda: convert_asymdsd(*paths, heads=3, predictor_heads=2), size)

    torch.save({'state_dict': whole}, tmp_path / 'in.pth')
    convert_asymdsd(tmp_path / 'in.pth', tmp_path / 'out.pth', heads=3, predictor_heads=2)  # imports what it needs, too
    try_all(odd_states(whole), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_pretraining_checkpoints(checkpoint: Path, tmp_path: Path, examples: int) -> None:
    whole = torch.load(checkpoint, weights_only=True)
    meta = whole['meta']
    few = {
        name: value
        for name, value in whole['state_dict'].items()
        if name.startswith('teacher.') and value.numel() < 3000
    }
    kinds = {'text': broken(CONFIG_TEXT.encode()), 'state': odd_states(few), 'meta': altered(meta)}

    def check(example: tuple[str, Any]) -> None:
        kind, found = example
        state = changed(few, found) if kind == 'state' else few
        new = {'text': lambda: {**meta, 'cfg': found.decode('latin1')}, 'state': lambda: meta, 'meta': lambda: found}[
            kind
        ]()
        torch.save({'meta': new, 'state_dict': state}, checkpoint)
        size = checkpoint.stat().st_size
        right_or_named(lambda: export_backbone(checkpoint, tmp_path / 'out.pth'), size)

    try_all(tagged(kinds), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_config_texts(tmp_path: Path, examples: int) -> None:
    """Never run, also where a change makes a call of what was none."""
    as_json = json.dumps({'model': {'backbone': published_config()}}).encode()
    examples_of = {'a.py': TRAINER_CONFIG.encode(), 'a.json': as_json}

    def check(example: tuple[str, bytes]) -> None:
        name, content = example
        right_or_named(lambda: read_published(tmp_path / name), put(tmp_path / name, content))
        text = content.decode('latin1')
        right_or_named(lambda: read_entry(text, 'model.backbone.type', source='x'), len(content))

    names = st.sampled_from(sorted(examples_of))
    try_all(names.flatmap(lambda name: st.tuples(st.just(name), broken(examples_of[name]))), examples, check)
