"""Point Transformer V3 against numbers of the reference implementation (docs/ptv3.md, "What was checked").

The file is named by PTV3_GOLDEN; by default it lies in the folder `shared` beside the repository. Every case and every
stage that it holds is checked, however few; cases that it does not hold are skipped, by name.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dos_mm3d.export.files import is_kernel, to_spconv1
from dos_mm3d.export.pointcept_config import ptv3_config
from dos_mm3d.functional.grid import find_rows
from dos_mm3d.models.backbones.ptv3 import Cloud, PTv3, upcast

DEFAULT = Path(__file__).resolve().parents[2] / '../shared/data/golden/ptv3_encoder_tiny.pt'
PATH = Path(os.environ.get('PTV3_GOLDEN') or DEFAULT)
TOLERANCE, SUM_TOLERANCE = 1e-4, 1e-2
CASES = ('m1', 'm2', 'm2_dec', 'm3')
METRES_PER_COORD = dict(m3=10.0)


@pytest.fixture(scope='module')
def golden() -> dict:
    if not PATH.is_file():
        pytest.skip(f'no golden file at {PATH}: set PTV3_GOLDEN to compare with the reference implementation')
    return torch.load(PATH, map_location='cpu', weights_only=True)


def held(golden: Mapping, *path: str):
    """What a test is about: skipped where the file does not hold it."""
    entry = golden
    for depth, name in enumerate(path):
        if not isinstance(entry, Mapping) or name not in entry:
            pytest.skip(f'{PATH} holds no {"/".join(path[: depth + 1])!r}')
        entry = entry[name]
    return entry


def part(entry: Mapping, *path: str):
    """What a case cannot be checked without: anything missing is a failure."""
    for depth, name in enumerate(path):
        if not isinstance(entry, Mapping):
            pytest.fail(f'{PATH}: {"/".join(path[:depth])} is a {type(entry).__name__}, wanted a dict with {name!r}')
        if name not in entry:
            pytest.fail(f'{PATH}: {"/".join(path[:depth])} lacks {name!r}, it has {sorted(map(str, entry))}')
        entry = entry[name]
    return entry


def weights(golden: dict, case: str) -> dict[str, Tensor]:
    if case == 'm2_dec':
        stored = {**held(golden, 'm2', 'state_dict'), **part(golden, case, 'state_dict_dec_only')}
    else:
        stored = part(golden, case, 'state_dict')
    return {name: value.float() for name, value in stored.items()}


def build(golden: dict, case: str) -> PTv3:
    """The case's model with its weights, nothing missing or left over; kernels as mmdet3d's loader wants them."""
    tensors = weights(golden, case)
    config, _ = ptv3_config(tensors, part(golden, case, 'config'), {}, source=f'{PATH}, {case}')
    assert not config['shuffle_orders']
    model = PTv3(**{name: value for name, value in config.items() if name != 'type'}).eval()
    model.load_state_dict({name: to_spconv1(value) if is_kernel(value) else value for name, value in tensors.items()})
    assert all(torch.equal(value, tensors[name]) for name, value in model.state_dict().items())
    return model


def cloud_of(inputs: Mapping, model: PTv3, *, scale: float = 1.0, masked: bool = False) -> Cloud:
    inputs = {name: part({'inputs': inputs}, 'inputs', name) for name in ('feat', 'coord', 'batch', 'grid_coord')} | (
        dict(mask=part({'inputs': inputs}, 'inputs', 'mask')) if masked else {}
    )
    feat, coord = inputs.pop('feat')[:, : model.in_channels].float(), inputs.pop('coord').float() * scale
    return Cloud.from_points(feat, coord, inputs.pop('batch'), **inputs)


@torch.no_grad()
def run(model: PTv3, cloud: Cloud) -> dict[str, Cloud]:
    """What every module returns, under the names of the file: 'enc0.block0', say, and 'embedding'."""
    outputs: dict[str, Cloud] = {}

    def record(name: str):
        return lambda module, args, output: outputs.__setitem__(name, output)

    hooks = [
        module.register_forward_hook(record(name.removeprefix('enc.').removeprefix('dec.')))
        for name, module in model.named_modules()
    ]
    model(cloud)
    for hook in hooks:
        hook.remove()
    return {name: output for name, output in outputs.items() if isinstance(output, Cloud)}


def places(batch: Tensor, grid_coord: Tensor) -> Tensor:
    return torch.cat((batch.long()[:, None], grid_coord.long()), dim=1)


def compare(cloud: Cloud, entry: Mapping, name: str) -> None:
    """Rows matched by (batch, grid_coord); features, their sums over all rows, and the depth."""
    entry = {key: part({name: entry}, name, key) for key in ('n', 'feat', 'grid_coord', 'batch', 'channel_sum')} | entry
    assert len(cloud.feat) == entry['n'], name
    ours = places(cloud.batch, cloud.grid_coord)
    rows = find_rows(places(entry['batch'], entry['grid_coord']), ours, (ours[:, 1:].amax(0) + 1).tolist())
    assert (rows >= 0).all(), f'{name}: {int((rows < 0).sum())} of its voxels are not in our output'
    close(cloud.feat[rows], entry['feat'], TOLERANCE, f'{name}: feat')
    close(cloud.feat.double().sum(0), entry['channel_sum'], SUM_TOLERANCE, f'{name}: channel_sum')
    if entry.get('serialized_depth') is not None:
        assert cloud.serialization.depth == entry['serialized_depth'], name


def close(ours: Tensor, theirs: Tensor, tolerance: float, what: str) -> None:
    assert ours.shape == theirs.shape, what
    largest = float((ours - theirs).abs().max())
    assert largest <= tolerance, f'{what} differs by {largest:.2e}, allowed {tolerance:.0e}'


def compare_stages(outputs: Mapping[str, Cloud], stages: Mapping, name: str) -> None:
    """Every stage of the file has its module in the model, and its numbers."""
    assert stages, f'{PATH}: {name} holds no stage'
    if unknown := sorted(stages.keys() - outputs.keys()):
        pytest.fail(f'{PATH}: {name} holds {unknown}, which the model has not; it has {sorted(outputs)}')
    for stage, entry in stages.items():
        compare(outputs[stage], entry, f'{name}/{stage}')


@pytest.mark.parametrize('case', CASES)
def test_every_stage_of_the_file(golden, case):
    stages = held(golden, case, 'stages')
    model = build(golden, case)
    outputs = run(model, cloud_of(golden['inputs'], model, scale=METRES_PER_COORD.get(case, 1.0)))
    compare_stages(outputs, stages, case)


def test_m2_with_masked_rows(golden):
    masked = held(golden, 'm2', 'masked')
    model = build(golden, 'm2')
    outputs = run(model, cloud_of(golden['inputs'], model, masked=True))
    compare_stages(outputs, masked, 'm2/masked')


def test_m2_upcast_to_the_input_rows(golden):
    rows, feat = (held(golden, 'm2', 'upcast', name) for name in ('rows', 'feat'))
    model = build(golden, 'm2')
    with torch.no_grad():
        ours = upcast(model(cloud_of(golden['inputs'], model))).feat
    close(ours[rows.long()], feat, TOLERANCE, 'm2/upcast')


def test_m2_with_samples_shorter_than_a_patch(golden):
    """Variable-length semantics: the numbers stored as 'flash', not those of 'nonflash'."""
    stages = held(golden, 'm2_short', 'flash')
    model = build(golden, 'm2')
    outputs = run(model, cloud_of(part(golden, 'm2_short', 'inputs'), model))
    compare_stages(outputs, stages, 'm2_short/flash')


@pytest.mark.parametrize(
    ('name', 'variant', 'pooled'), [('m2_enc0', 'm2', 0), ('m2_enc1', 'm2', 1), ('m1_enc1', 'm1', 1)]
)
def test_codes(golden, name, variant, pooled):
    """Codes follow from the places alone, so any weights do. Rows of a level are in the reference's order."""
    stored = held(golden, 'codes', name).long()
    levels = dict(channels=(6, 6), depths=(0, 0), heads=(1, 1))
    model = PTv3(6, levels, variant=variant, shuffle_orders=False).eval()
    with torch.no_grad():
        cloud = model(cloud_of(golden['inputs'], model))
    level = cloud if pooled else cloud.finer
    if name == 'm2_enc0':
        assert level.serialization.depth == part(golden, 'codes', 'depth')
    assert torch.equal(level.serialization.code[:, : stored.shape[1]], stored)
