"""Reads a file of AsymDSD's reference numbers, builds the models that it is about, and compares."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from mmdet3d.registry import MODELS
from torch import Tensor, nn

from dos_mm3d.export.asymdsd import as_row, asymdsd_config
from dos_mm3d.export.asymdsd_names import public_name
from dos_mm3d.models.methods import AsymDSD
from dos_mm3d.structures import CropSet, ObjectSample, ObjectViews

DEFAULT = Path(__file__).resolve().parents[2] / '../shared/data/golden/asymdsd_golden.pt'
PATH = Path(os.environ.get('ASYMDSD_GOLDEN') or DEFAULT)
DTYPES = (torch.float64, torch.float32)
# largest difference over the largest magnitude of the reference
FORWARD = {torch.float64: 1e-6, torch.float32: 2e-5}
LOSS = {torch.float64: 1e-6, torch.float32: 1e-5}
GRADIENT = {torch.float64: 1e-6, torch.float32: 1e-4}
TRAJECTORY = GRADIENT


def read() -> dict[str, Any]:
    if not PATH.is_file():
        pytest.skip(f'no golden file at {PATH}: set ASYMDSD_GOLDEN to compare with the public code')
    return torch.load(PATH, map_location='cpu', weights_only=True)


def close(ours: Any, theirs: Any, tolerance: float, what: str) -> None:
    """Numbers and floating-point tensors to a tolerance, everything else exactly; also the shapes."""
    ours, theirs = torch.as_tensor(ours).detach(), torch.as_tensor(theirs)
    assert ours.shape == theirs.shape, f'{what}: {tuple(ours.shape)}, wanted {tuple(theirs.shape)}'
    if not theirs.is_floating_point():
        assert torch.equal(ours.to(theirs.dtype), theirs), what
        return
    difference = (ours.double() - theirs.double()).abs().max()
    allowed = tolerance * theirs.double().abs().max()
    assert difference <= allowed, f'{what} differs by {difference:.2e}, allowed {allowed:.2e}'


def compare(ours: Mapping, theirs: Mapping, tolerance: float, what: str, *, inputs: Collection[str] = ()) -> None:
    """Every entry of the file but the inputs is computed here, and equal; nothing else is."""
    assert set(ours) == set(theirs) - set(inputs), f'{what}: {set(ours) ^ (set(theirs) - set(inputs))} on one side only'
    for name, value in ours.items():
        if isinstance(value, Mapping):
            compare(value, theirs[name], tolerance, f'{what}/{name}')
        else:
            close(value, theirs[name], tolerance, f'{what}/{name}')


LEFT_OUT = dict(dual=(), mpm=('.cls_',), cls=('.patch_projection_head.', '.patch_centering.', '.predictor.'))
"""Parts of names of the dual form's tensors that the others lack."""


def weights_of(golden: Mapping, form: str) -> dict[str, Tensor]:
    """The file's weights, as far as a form has them."""
    return {
        name: value for name, value in golden['weights'].items() if not any(part in name for part in LEFT_OUT[form])
    }


def settings(golden: Mapping, form: str = 'dual') -> dict[str, Any]:
    """The file's model of a form, 'dual', 'mpm' or 'cls'."""
    config = golden['config']
    model = asymdsd_config(
        weights_of(golden, form), heads=config['heads'], predictor_heads=config['pheads'], source=str(PATH)
    )
    assert model['encoder']['mlp_ratio'] == config['ratio']
    for branch in {'patch', 'cls'} & model.keys():
        model[branch]['targets']['centre_momentum'] = config['momentum']
    return {**model, 'koleo_weight': config['koleo']}


def build(golden: Mapping, form: str = 'dual', dtype: torch.dtype = torch.float64) -> AsymDSD:
    """:func:`settings` with the file's weights, training, at step 0."""
    model = MODELS.build(settings(golden, form)).to(dtype)
    weights = {name: as_row(value, name) for name, value in weights_of(golden, form).items()}
    names = {name: public_name(name, deep=False) for name in model.state_dict()}
    assert sorted(names.values()) == sorted(weights)
    model.load_state_dict({name: weights[theirs] for name, theirs in names.items()})
    return model.train()


def load_renamed(module: nn.Module, tensors: Mapping[str, Tensor], renamed: Mapping[str, str]) -> nn.Module:
    """Tensors of the file with the beginnings of their names changed; none is missing or left over."""
    ours = {}
    for name, value in tensors.items():
        theirs = next(beginning for beginning in renamed if name.startswith(beginning))
        ours[renamed[theirs] + name.removeprefix(theirs)] = value
    module.load_state_dict(ours)
    return module


def crops(golden: Mapping, kind: str, cloud: int, dtype: torch.dtype, count: int | None = None) -> CropSet:
    """The first ``count`` crops of a cloud, 'global' or 'local'."""
    stored = golden['data'][f'{kind}_crops']
    return CropSet(
        stored['points'][cloud, :count].to(dtype),
        stored['centers_idx'][cloud, :count].long(),
        stored['patches_idx'][cloud, :count].long(),
    )


def views(golden: Mapping, model: AsymDSD, form: str, dtype: torch.dtype) -> ObjectViews:
    """The file's batch, as a form of the method is given it."""
    count = 1 if form == 'mpm' else golden['data']['global_crops']['points'].shape[1]
    mask = {'dual': golden['data']['mask'], 'mpm': golden['d_step_mpm_only'].get('mask'), 'cls': None}[form]
    clouds = len(golden['data']['clouds'])
    masks = [None] * clouds if mask is None else mask.view(clouds, count, -1, mask.shape[1])
    samples = [
        ObjectSample(
            crops(golden, 'global', cloud, dtype, count),
            None if form == 'mpm' else crops(golden, 'local', cloud, dtype),
            masks[cloud],
        )
        for cloud in range(clouds)
    ]
    return model.data_preprocessor(dict(views=samples), training=True)['views']


def backward(model: AsymDSD, batch: ObjectViews) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Losses under the file's names, and the gradients under its names, tokens as there."""
    out = model(batch, mode='loss')
    loss = sum(value for name, value in out.items() if 'loss' in name)
    model.zero_grad()
    loss.backward()
    names = dict(cls='cls_loss', patch='patch_loss', koleo='koleo_loss', regression='regression_loss')
    losses = {names[name]: value for name, value in out.items() if name in names}
    losses |= {name.replace('cls_', 'cls_loss.'): value for name, value in out.items() if name.startswith('cls_')}
    gradients = {public_name(name, deep=False): value.grad for name, value in model.named_parameters()}
    return dict(loss=loss, **losses), {name: value for name, value in gradients.items() if value is not None}
