"""Whether the parts of a detector of mmdet3d were made for the grid of its voxel layer; upstream nobody compares them,
and a run ends at its first step, or learns from voxels that lie elsewhere."""

from typing import Any

from mmdet3d.models import PointPillarsScatter, SparseEncoder
from torch import nn

from ..errors import InputError
from ..models.backbones.base import LossVoxelBackbone, require_equal
from ..models.backbones.sparse_grid import FIX, require_cells, require_sparse_shape, sizes_along
from ..structures import Grid
from .hooks.dos import unwrap


def check_grid(model: Any) -> None:
    """InputError, naming the parts, unless a detector's middle encoder is made for its voxels, and its backbone for the
    height of the encoder's map. Pretraining asks its backbone itself; other models have nothing of it."""
    model = unwrap(model)
    layer = getattr(getattr(model, 'data_preprocessor', None), 'voxel_layer', None)
    if layer is None or any(isinstance(module, LossVoxelBackbone) for module in model.modules()):
        return
    for name, module in model.named_children():
        if type(module) is SparseEncoder:  # sub-classes count axes in orders of their own
            grid = Grid(layer.point_cloud_range, layer.voxel_size)
            require_sparse_shape(module, grid)
            require_cells(module, grid)
            _require_width(model, name, module, grid)
        elif type(module) is PointPillarsScatter:
            size = Grid(layer.point_cloud_range, layer.voxel_size).shape[1:]
            require_equal(f'output_shape (y, x) of {name}', [module.ny, module.nx], 'pillars of the voxel layer', size)


def _require_width(model: nn.Module, name: str, encoder: SparseEncoder, grid: Grid) -> None:
    """The map has the channels of every cell of a column side by side, so its width is that of the range's height."""
    backbone = getattr(model, name.replace('middle_encoder', 'backbone'), None)
    first = next((m for m in backbone.modules() if isinstance(m, nn.Conv2d)), None) if backbone is not None else None
    levels = sizes_along(encoder, 0, encoder.sparse_shape[0])[-1]
    if first is not None and first.in_channels != levels * encoder.output_channels:
        raise InputError(
            f'the backbone takes a map of {first.in_channels} channels, and {grid.shape[0]} voxels along z '
            f'({grid.voxel_size_m[2]:g} m each) make one of {levels} levels of {encoder.output_channels}: wanted '
            f'{first.in_channels / encoder.output_channels:g} levels, or another in_channels of the backbone. {FIX}'
        )
