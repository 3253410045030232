"""A pretraining run from its config and checkpoint, and random networks of the same shape to compare it with."""

from collections.abc import Sequence
from pathlib import Path

import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from torch import nn

from ..errors import InputError
from ..export.files import read_checkpoint, tensors_in
from ..export.loading import require_fit
from ..export.restore import backbone_of_export, is_export
from ..functional.batch_norm import reestimate_batch_norm
from ..models.methods import DOS
from ..progress import progress_bar
from .scans import ProbeScan

SCANS_PER_BATCH = 4
"""That BatchNorm statistics are estimated from."""


def load_pretrained(cfg: Config, checkpoint: str | Path) -> DOS:
    """The model of a pretraining config with a checkpoint's weights, in eval mode; of an exported file it has the
    teacher's backbone, all else is left as it is initialised.

    ValueError where any tensor differs from the file afterwards: mmdet3d's loader leaves sparse kernels random, with a
    warning only, when a file is in the wrong layout.
    """
    init_default_scope('mmdet3d')
    model: DOS = MODELS.build(cfg.model)
    if is_export(checkpoint):
        put_export(model, checkpoint)
        return model.eval()
    require_fit(model, checkpoint)
    load_checkpoint(model, str(checkpoint), map_location='cpu', strict=True)
    in_file = tensors_in(read_checkpoint(checkpoint), str(checkpoint), 'wanted what tools/train.py wrote', bare=True)
    differing = [name for name, value in model.state_dict().items() if not torch.equal(value, in_file[name])]
    if differing:
        raise InputError(
            f'{checkpoint}: {len(differing)} of {len(in_file)} tensors were not taken over, first {differing[0]}; '
            'wanted a checkpoint that tools/train.py wrote with this config and these package versions'
        )
    return model.eval()


def put_export(model: DOS, path: str | Path) -> None:
    """Copy an exported backbone into the teacher's; ValueError unless each has all tensors of the other, in their
    shapes."""
    found, wanted = backbone_of_export(path), model.teacher.backbone.state_dict()
    shapes = [{name: tuple(value.shape) for name, value in tensors.items()} for tensors in (found, wanted)]
    if differing := sorted(name for name, _ in set(shapes[0].items()) ^ set(shapes[1].items())):
        raise InputError(
            f'{path}: {len(set(differing))} of its {len(found)} tensors are not those of the backbone that the config '
            f'makes, first {differing[0]}. Give the config that it was pretrained with: --config PATH'
        )
    with torch.no_grad():  # by hand: mmdet3d's loader takes kernels of a plain dict to be in the layout of spconv 1
        for name, value in wanted.items():
            value.copy_(found[name])


def random_backbones(cfg: Config, model: DOS, seeds: Sequence[int], scans: Sequence[ProbeScan]) -> dict[str, nn.Module]:
    """Untrained backbones `random_<seed>` of the same config, their BatchNorm statistics of the given scans."""
    backbones = {f'random_{seed}': _build_seeded(cfg, seed) for seed in seeds}
    adapt_batch_norm(model, list(backbones.values()), scans)
    return {name: backbone.eval() for name, backbone in backbones.items()}


def adapt_batch_norm(model: DOS, backbones: Sequence[nn.Module], scans: Sequence[ProbeScan]) -> None:
    """Re-estimate the BatchNorm statistics of backbones on scans, `SCANS_PER_BATCH` at a time; they go to the model's
    device, and share one voxelisation by its preprocessor."""
    device = device_of(model)
    no_cells = torch.zeros((0, 4), dtype=torch.int32, device=device)

    def forward(batch: range) -> None:
        points = [scans[number].points.to(device) for number in batch]
        voxel_dict = model.data_preprocessor.voxelize_points(points)
        for backbone in backbones:
            backbone(voxel_dict, no_cells, len(points))

    numbers = range(len(scans))
    batches = [numbers[start : start + SCANS_PER_BATCH] for start in numbers[::SCANS_PER_BATCH]]
    progress = progress_bar(batches, 'probe: BatchNorm statistics', unit='batch')
    reestimate_batch_norm(nn.ModuleList(backbones).to(device), forward, progress)


def device_of(model: nn.Module) -> torch.device:
    """Where a model's parameters lie."""
    return next(model.parameters()).device


def _build_seeded(cfg: Config, seed: int) -> nn.Module:
    """The config's backbone with the weights of a fresh generator; the global one is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return MODELS.build(cfg.model.backbone).eval()
