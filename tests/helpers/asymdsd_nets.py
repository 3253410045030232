"""Tiny AsymDSD networks, and batches for them."""

from typing import Any

import torch
from mmdet3d.registry import MODELS

from dos_mm3d.export.asymdsd_names import TOKENS, public_name
from dos_mm3d.functional.patch_masking import inverse_block_mask
from dos_mm3d.functional.patches import patch_rows
from dos_mm3d.models.methods import AsymDSD
from dos_mm3d.structures import CropSet, ObjectSample, ObjectViews

PATCHES, POINTS_PER_PATCH, CATEGORIES = 8, 4, 24
RATIOS = dict(mask_ratio=0.6, block_ratio=0.2, adjust_ratio=0.1)


def branch(temperature: float, **targets) -> dict[str, Any]:
    return dict(
        head=dict(type='CategoryHead', hidden_channels=20, bottleneck_channels=8, num_categories=CATEGORIES),
        targets=dict(type='CentredTargets', temperature=(temperature, 0.07), **targets),
    )


def settings(form: str = 'dual', *, deep: bool = False, **changes) -> dict[str, Any]:
    """A model of form 'dual', 'mpm' or 'cls'; with the large patch embedding; other arguments in place of its own."""
    shallow = dict(type='PatchEmbedding', hidden_channels=(6, 8, 10))
    embedding = dict(type='DeepPatchEmbedding', first_channels=(6, 8, 10), second_channels=(12,)) if deep else shallow
    model = dict(
        type='AsymDSD',
        encoder=dict(type='PatchEncoder', channels=12, depth=2, heads=3, mlp_ratio=2.0, embedding=embedding),
        data_preprocessor=dict(type='PatchPreprocessor'),
    )
    if form != 'cls':
        model |= dict(patch=branch(0.05), predictor=dict(type='PatchPredictor', channels=8, depth=2, heads=2))
    if form != 'mpm':
        model |= dict(cls=branch(0.04))
    return {**model, **(dict(regression_weight=1.0) if form == 'mpm' else {}), **changes}


def build(form: str = 'dual', seed: int = 0, **changes) -> AsymDSD:
    torch.manual_seed(seed)
    model = MODELS.build(settings(form, **changes))
    model.init_weights()
    return model.train()


def crops(generator: torch.Generator, count: int, shape: int) -> CropSet:
    """Crops of one cloud: a box, a stick or a plate, by its number."""
    size = torch.tensor([(1, 1, 1), (1, 0.1, 0.1), (1, 1, 0.1)])[shape % 3]
    points = torch.rand(count, 40, 3, generator=generator) * size
    rows = [patch_rows(one, PATCHES, POINTS_PER_PATCH, start=0) for one in points]
    return CropSet(points, *(torch.stack(parts) for parts in zip(*rows)))


def sample(seed: int, form: str = 'dual', masks: int = 3) -> ObjectSample:
    """A cloud of a seed of its own, whatever the others are."""
    generator = torch.Generator().manual_seed(seed)
    whole = crops(generator, 1 if form == 'mpm' else 2, seed)
    local = None if form == 'mpm' else crops(generator, 3, seed)
    if form == 'cls':
        return ObjectSample(whole, local)
    centres = torch.stack([points[rows] for points, rows in zip(whole.points, whole.centre_rows)])
    centres = centres.repeat_interleave(masks, 0)
    draws = torch.rand(2, *centres.shape[:2], generator=generator)
    return ObjectSample(whole, local, inverse_block_mask(centres, *draws, **RATIOS).unflatten(0, (-1, masks)))


def batch(model: AsymDSD, form: str = 'dual', seeds: range = range(4)) -> ObjectViews:
    return model.data_preprocessor(dict(views=[sample(seed, form) for seed in seeds]), training=True)['views']


def total(losses: dict[str, torch.Tensor]) -> torch.Tensor:
    """As mmengine adds them up."""
    return sum(value for name, value in losses.items() if 'loss' in name)


def public_state(form: str, deep: bool = False) -> dict[str, torch.Tensor]:
    """A checkpoint's tensors as the public code names and shapes them; no two of one shape are equal."""
    model = build(form, deep=deep)
    generator = torch.Generator().manual_seed(1)
    state = {}
    for name, value in model.state_dict().items():
        theirs = public_name(name, deep=deep)
        shape = (1, 1, *value.shape) if theirs.endswith(TOKENS) else value.shape
        state[theirs] = torch.randn(shape, generator=generator)
    return state
