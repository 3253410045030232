"""Loss voxels of voxels that a test makes by hand."""

import torch
from torch import Tensor, nn

from dos_mm3d.models.preprocessors.views import select_voxels

VoxelDict = dict[str, Tensor]


def loss_cells(voxel_dict: VoxelDict, stride: int) -> Tensor:
    """The occupied loss voxels (M, 4) [view, z, y, x], sorted."""
    cells = voxel_dict['coors'].clone()
    cells[:, 1:] //= stride
    return cells.unique(dim=0)


def with_loss_cell(voxel_dict: VoxelDict, cells: Tensor, stride: int) -> VoxelDict:
    """The voxels and, as the preprocessor has it, the row in ``cells`` that each lies in, -1 where in none."""
    row_of_cell = {tuple(cell): row for row, cell in enumerate(cells.tolist())}
    parents = voxel_dict['coors'] // torch.tensor([1, stride, stride, stride])
    return {**voxel_dict, 'loss_cell': torch.tensor([row_of_cell.get(tuple(cell), -1) for cell in parents.tolist()])}


def voxels_in(voxel_dict: VoxelDict, cells: Tensor, stride: int) -> VoxelDict:
    """The voxels that lie in the given loss voxels."""
    return select_voxels(with_loss_cell(voxel_dict, cells, stride), torch.ones(len(cells), dtype=torch.bool))


def features_at_cells(net: nn.Module, voxel_dict: VoxelDict, cells: Tensor, n_views: int) -> Tensor:
    """What a backbone says of the loss voxels."""
    return net(with_loss_cell(voxel_dict, cells, net.loss_stride), cells, n_views)


def in_float64(net: nn.Module, voxel_dict: VoxelDict) -> tuple[nn.Module, VoxelDict]:
    """The same in float64. Two orders of one sum agree there to 1e-9 on every processor; in float32 it depends on the
    processor, and on what a network makes of the last bits, how far they are apart."""
    return net.double(), {name: x.double() if x.is_floating_point() else x for name, x in voxel_dict.items()}
