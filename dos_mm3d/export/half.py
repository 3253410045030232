"""Weights stored in half precision, where the features that they give stay what they were."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet3d.registry import DATASETS, MODELS
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from ..datasets.stream import Draw
from ..errors import InputError
from ..models.methods import DOS
from ..structures import SparseViews
from .config_text import read_values

LIMIT = 1e-3
"""Of the relative difference of features."""
LEAST_VALUES = 2**14
"""Tensors of fewer values stay in float32: the first layers and all of BatchNorm. Their rounding runs through the whole
network, and their bytes are a few per cent of a file."""
SCANS = 4


def in_half(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The large float32 tensors in float16, the others as they are. Loaders copy them into float32 parameters."""
    return {
        name: value.half() if value.dtype == torch.float32 and value.numel() >= LEAST_VALUES else value
        for name, value in weights.items()
    }


def relative_difference(found: Tensor, wanted: Tensor) -> float:
    """||found - wanted|| / ||wanted|| over all of two (M, C) features, in float64; 0 where they are equal."""
    if found.shape != wanted.shape:
        raise ValueError(f'features of shapes {tuple(found.shape)} and {tuple(wanted.shape)} cannot be compared')
    size = wanted.double().norm()
    return float((found.double() - wanted.double()).norm() / size) if size else float(found.abs().max() > 0)


def half_difference(config_text: str, backbone: Mapping[str, Tensor], source: str) -> float:
    """What half precision changes in the features of a backbone, on the first views of its own training data.

    Args:
        config_text: of its pretraining: it is parsed, never run, and names the model and where its sweeps lie.
        backbone: tensors under our names, in the layout of its modules.
        source: the checkpoint, for errors.

    Returns:
        The relative difference (:func:`relative_difference`) at the loss voxels of both views of SCANS scans.
    """
    config = read_values(config_text, source)
    model: DOS = MODELS.build(config['model'])
    batches = views_of(config, model, source)
    features = []
    for tensors in (backbone, in_half(backbone)):
        put(tensors, model.teacher.backbone)
        features.append(features_of(model, batches))
    return relative_difference(features[1], features[0])


def require_small(difference: float, source: str) -> None:
    """InputError where half precision changes features by more than LIMIT."""
    if not difference <= LIMIT:
        raise InputError(
            f'{source}: in half precision its features differ by {difference:.2e} (relative), wanted at most '
            f'{LIMIT:.0e}; export it without --half'
        )


def put(tensors: Mapping[str, Tensor], module: nn.Module) -> None:
    """Copy tensors into a module of the same names; of any precision, as loaders do. InputError for other names."""
    state = module.state_dict()
    if state.keys() != tensors.keys():
        raise InputError(
            f'the checkpoint has {len(tensors)} tensors of the backbone and its config makes {len(state)}; they differ '
            f'in {sorted(state.keys() ^ tensors.keys())[:3]}'
        )
    with torch.no_grad():
        for name, value in state.items():
            value.copy_(tensors[name])


def views_of(config: Mapping[str, Any], model: DOS, source: str) -> list[SparseViews]:
    """The first SCANS draws of the training data, as the backbone gets them."""
    settings = config['train_dataloader']['dataset']
    dataset = DATASETS.build(settings)
    dataset.grid = model.grid
    seed = (config.get('randomness') or {}).get('seed') or 0
    samples = [dataset[Draw(seed, position)] for position in range(SCANS)]
    model.eval()
    return [model.data_preprocessor(pseudo_collate([sample]))['views'] for sample in samples]


@torch.no_grad()
def features_of(model: DOS, batches: Sequence[SparseViews]) -> Tensor:
    """(M, C) features of the teacher's backbone at all loss voxels, as a detector uses it: statistics are fixed."""
    model.eval()
    return torch.cat([model.teacher.backbone(views.voxels, views.cells, views.num_views) for views in batches])
