"""Blocks of features at the key-frame points of a scan: encoders, raw input, hand-crafted statistics."""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor, nn

from ..models.methods.student_teacher import StudentTeacher
from .linear_probe import FeatureBlock
from .pillar_statistics import pillar_statistics
from .scans import ProbeScan

Extractor = Callable[[ProbeScan], dict[str, FeatureBlock]]
"""A scan to its blocks of features at the key-frame points, by name."""


class EncoderFeatures:
    """Features of frozen backbones at the loss voxels of the key-frame points, one block for each backbone.

    Args:
        model: the pretraining model, whose preprocessor voxelises.
        backbones: name -> `LossVoxelBackbone`; all are put into eval mode and share one voxelisation of the scan.
        device: where they run; the features are given on the CPU.
    """

    def __init__(
        self, model: StudentTeacher, backbones: Mapping[str, nn.Module], *, device: torch.device | str = 'cpu'
    ) -> None:
        self.preprocessor = model.data_preprocessor.eval()
        self.device = device
        self.backbones = {name: backbone.eval().to(self.device) for name, backbone in backbones.items()}

    @torch.no_grad()
    def __call__(self, scan: ProbeScan) -> dict[str, FeatureBlock]:
        points = scan.points.to(self.device)
        voxel_dict = self.preprocessor.voxelize_points([points])
        blocks = {}
        for name, backbone in self.backbones.items():
            cells, row_of_point = self.loss_cells(points[scan.key_rows.to(self.device), :3], backbone.loss_stride)
            blocks[name] = FeatureBlock(backbone(voxel_dict, cells, 1).cpu(), row_of_point.cpu())
        return blocks

    def loss_cells(self, xyz_m: Tensor, loss_stride: int) -> tuple[Tensor, Tensor]:
        """Occupied loss voxels (m, 4) int32 [0, z, y, x] of (n, 3) points, and the row of each point in them."""
        grid = self.preprocessor.grid_of_loss_voxels(loss_stride)
        unique, row_of_point = grid.unique(grid.parents(grid.voxels(xyz_m)[0]))
        return nn.functional.pad(unique, (1, 0)), row_of_point


def raw_features(scan: ProbeScan) -> dict[str, FeatureBlock]:
    """`raw`: the input columns of each point, x, y, z, intensity, time lag."""
    values = scan.points[scan.key_rows]
    return {'raw': FeatureBlock(values, torch.arange(len(values)))}


def pillar_features(scan: ProbeScan) -> dict[str, FeatureBlock]:
    """`pillars`: 28 hand-crafted statistics of the pillars around each point, over all that the encoder sees."""
    values = torch.from_numpy(pillar_statistics(scan.points.numpy(), scan.key_rows.numpy()))
    return {'pillars': FeatureBlock(values, torch.arange(len(values)))}


def extractor_of(blocks: Collection[str], encoders: EncoderFeatures | None) -> Extractor:
    """The extractor of the blocks that are asked for: `raw`, `pillars`, and all that the encoders give."""
    by_hand = {'raw': raw_features, 'pillars': pillar_features}
    extractors = [extract for name, extract in by_hand.items() if name in blocks]
    extractors += [] if encoders is None else [encoders]
    return lambda scan: {name: block for extract in extractors for name, block in extract(scan).items()}
