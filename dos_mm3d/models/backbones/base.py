"""The contract of every backbone that DOS pretrains."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from mmdet3d.models.data_preprocessors.voxelize import VoxelizationByGridShape
from torch import Tensor, nn

from ...errors import InputError
from ...functional.grid import find_rows
from ...structures import Grid


class LossVoxelBackbone(nn.Module, ABC):
    """Views in, one feature per loss voxel out.

    Subclasses wrap modules of mmdet3d unchanged, under the detector's configuration, so that the weights fit by
    construction.

    Attributes:
        out_channels: width C of the features.
        loss_stride: edge of a loss voxel in voxels.
        downstream_names: prefix here -> prefix in the mmdet3d model that the weights are for; the longest that fits
            counts, and every tensor must have one ({'': ''} keeps all names).
        downstream_names_by_task: where the weights fit models of several tasks, the names for each of them.
        columns_kernels: names here of the kernel, one for each variant, whose inputs are the columns of the points;
            none where a layer that is learnt comes first.
        columns_axis: axis of the inputs in that kernel.
        columns_setting: where a layer that is learnt comes first, the place in the backbone's config that says how many
            columns it takes, and how many of these are not the points' own.
        kernels_are_spconv1: kernels lie in memory as (kD, kH, kW, C_in, C_out), as mmcv's modules have them, not as
            spconv 2's.
        exported_layout: what is said of the kernels in the exported file.
    """

    downstream_names: ClassVar[dict[str, str]]
    downstream_names_by_task: ClassVar[dict[str, dict[str, str]]] = {}
    columns_kernels: ClassVar[tuple[str, ...]] = ()
    columns_axis: ClassVar[int] = -1
    columns_setting: ClassVar[tuple[str, int] | None] = None
    kernels_are_spconv1: ClassVar[bool] = False
    exported_layout: ClassVar[str] = 'spconv-1: (kD, kH, kW, C_in, C_out)'
    out_channels: int
    loss_stride: int

    def init_weights(self) -> None:
        """As the detector begins: every part follows its own ``init_cfg``, a pretrained checkpoint included."""
        for part in self.children():
            if hasattr(part, 'init_weights'):
                part.init_weights()

    def require_grid(self, voxel_layer: VoxelizationByGridShape) -> None:
        """InputError where this backbone cannot take the voxels of a layer; asked when a model is built, before any
        data are read. Here: a layer whose numbers make no grid."""
        Grid(voxel_layer.point_cloud_range, voxel_layer.voxel_size)

    @abstractmethod
    def forward(self, voxel_dict: dict[str, Tensor], cells: Tensor, batch_size: int) -> Tensor:
        """voxel_dict: what the preprocessor's voxel_type makes, one row per voxel, see :class:`ViewPreprocessor`;
        cells (M, 4) int [view, z, y, x] -> (M, C).

        Row i of the result belongs to ``cells[i]``.
        """


def parents_of(cells: Tensor, ratio: int) -> Tensor:
    """The cells ``ratio`` times as large that hold each of (M, 4) cells [view, ...], in the same order of axes."""
    return torch.cat((cells[:, :1], cells[:, 1:] // ratio), dim=1)


def features_at(cells: Tensor, features: Tensor, sites: Tensor, shape: Sequence[int] | None = None) -> Tensor:
    """(M, C) feature of the site that each cell is; ValueError if one is none.

    Args:
        cells: (M, 1 + d) integer [view, ...].
        features: (S, C), of the sites.
        sites: (S, 1 + d) integer [view, ...], unique.
        shape: sizes (d,) of the sites' grid; None: not known.
    """
    found, missing = look_up(cells, features, sites, shape)
    require_voxels(missing)
    return found


def look_up(
    cells: Tensor, features: Tensor, sites: Tensor, shape: Sequence[int] | None = None
) -> tuple[Tensor, Tensor]:
    """As :func:`features_at`, and (M,) bool: the cells that are no site, whose features mean nothing. Whoever looks up
    several times asks for all of them at once: a GPU is waited for at each question."""
    rows = find_rows(cells, sites, shape)
    missing = rows < 0
    if not len(features):
        require_voxels(missing)  # nothing to select from
    # index_select, not [rows]: the gradient of the latter adds up in any order on several CPU threads
    return features.index_select(0, rows.clamp_min(0)), missing


def require_voxels(missing: Tensor, *others: Tensor) -> None:
    """ValueError if some of the M loss voxels hold no voxel, (M,) bool each."""
    for other in others:
        missing = missing | other
    if count := int(missing.sum()):
        raise ValueError(
            f'{count} of {len(missing)} loss voxels hold no voxel: loss voxels and voxels were made from different '
            'points, or on different grids'
        )


def require_equal(part: str, numbers: Sequence[float], other_part: str, wanted: Sequence[float]) -> None:
    """InputError, naming both parts of a model, where they were made for different grids."""
    if len(numbers) != len(wanted) or any(abs(a - b) > 1e-6 * max(1, abs(b)) for a, b in zip(numbers, wanted)):
        raise InputError(
            f'{part} are {list(numbers)}, {other_part} {list(wanted)}: wanted the same grid. Override the variables '
            'that both are made from (point_cloud_range, voxel_size), not one of the two places'
        )
