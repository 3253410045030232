"""A pretraining run from its config and checkpoint, and random networks of the same shape to compare it with."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from torch import Tensor, nn
from tqdm import tqdm

from ..errors import InputError
from ..export.files import read_checkpoint
from ..export.loading import require_fit
from ..models.methods.student_teacher import StudentTeacher
from .batch_norm import reestimate_batch_norm
from .scans import ProbeScan


def load_pretrained(cfg: Config, checkpoint: str | Path) -> StudentTeacher:
    """The model of a pretraining config with a checkpoint's weights, in eval mode.

    ValueError where any tensor differs from the file afterwards: mmdet3d's loader leaves sparse kernels random, with a
    warning only, when a file is in the wrong layout.
    """
    init_default_scope('mmdet3d')
    model: StudentTeacher = MODELS.build(cfg.model)
    require_fit(model, checkpoint)
    load_checkpoint(model, str(checkpoint), map_location='cpu', strict=True)
    in_file = read_checkpoint(checkpoint)['state_dict']
    differing = [name for name, value in model.state_dict().items() if not torch.equal(value, in_file[name])]
    if differing:
        raise InputError(
            f'{checkpoint}: {len(differing)} of {len(in_file)} tensors were not taken over, first {differing[0]}; '
            'wanted a checkpoint that tools/train.py wrote with this config and these package versions'
        )
    return model.eval()


def random_backbones(
    cfg: Config, model: StudentTeacher, seeds: Sequence[int], scans: Sequence[ProbeScan], *, scans_per_batch: int = 4
) -> dict[str, nn.Module]:
    """Untrained backbones `random_<seed>` of the same config, BatchNorm statistics re-estimated on the given scans.

    All seeds share the voxels of a batch. model: the one whose preprocessor voxelises.
    """
    backbones = {f'random_{seed}': _build_seeded(cfg, seed) for seed in seeds}
    together = nn.ModuleDict(backbones).to(device_of(model))
    batches = point_batches(scans, scans_per_batch=scans_per_batch)
    reestimate_batch_norm(together, backbone_forward(model, list(backbones.values())), batches)
    return {name: backbone.eval() for name, backbone in backbones.items()}


def point_batches(scans: Sequence[ProbeScan], *, scans_per_batch: int = 4) -> Iterator[list[Tensor]]:
    """The points of all scans, some scans at a time, for `reestimate_batch_norm`."""
    starts = range(0, len(scans), scans_per_batch)
    for start in tqdm(starts, desc='probe: BatchNorm statistics', unit='batch'):
        yield [scans[i].points for i in range(start, min(start + scans_per_batch, len(scans)))]


def backbone_forward(model: StudentTeacher, backbones: Sequence[nn.Module]) -> Callable[[list[Tensor]], None]:
    """Runs clouds through backbones that share one voxelisation, by the model's preprocessor; features are dropped."""
    device = device_of(model)

    def forward(points: list[Tensor]) -> None:
        voxel_dict = model.data_preprocessor.voxelize_points([cloud.to(device) for cloud in points])
        no_cells = torch.zeros((0, 4), dtype=torch.int32, device=device)
        for backbone in backbones:
            backbone(voxel_dict, no_cells, len(points))

    return forward


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters lie."""
    return next(model.parameters()).device


def _build_seeded(cfg: Config, seed: int) -> nn.Module:
    """The config's backbone with the weights of a fresh generator; the global one is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS.build(cfg.model.backbone).eval()
