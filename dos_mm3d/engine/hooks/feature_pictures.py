"""What the teacher makes of one fixed scan, as pictures during training."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmdet3d.registry import HOOKS
from mmengine.dataset import pseudo_collate
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import nn

from ...datasets.stream import Draw
from ...errors import InputError, InputTypeError
from ...functional.collapse import prototype_usage
from ...models.heads.prototypes import PrototypeHead
from ...models.methods import DOS
from ...structures import SparseViews, ViewPair
from ...visualization.curves import draw_prototype_usage
from ...visualization.features_pca import Panel, draw_panels, pca_colours
from ...visualization.style import to_pixels
from .dos import unwrap

REACH_PERCENT = 95.0


@HOOKS.register_module()
class FeaturePictureHook(Hook):
    """Principal components of the teacher's features on both views of one fixed draw as colours, and of a head with
    prototypes how often each is used there, beside the prior: images of the runner's visualizer, with
    ``TensorboardVisBackend`` in TensorBoard, else in ``vis_data/vis_image``.

    Nothing of the training changes: no random number is taken, the teacher is in eval mode for this look only, and the
    draw is a function of ``seed`` and ``position``, so a resumed run goes on with the same pictures.

    Args:
        interval: iterations between two looks.
        seed: of the draw.
        position: of the draw in the stream, with its augmentation and mask.
    """

    def __init__(self, interval: int = 500, seed: int = 0, position: int = 0) -> None:
        if interval < 1:
            raise InputError(f'interval of FeaturePictureHook is {interval}: wanted 1 or more')
        self.interval, self.draw = interval, Draw(seed, position)
        self.sample: dict[str, Any] | None = None

    def before_train(self, runner) -> None:
        if not isinstance(model := unwrap(runner.model), DOS):
            raise InputTypeError(
                f'FeaturePictureHook draws what DOS makes of views of scans, not {type(model).__name__}; take the hook '
                'out (default_hooks.pictures=None)'
            )

    def after_train_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: dict | None = None
    ) -> None:
        if not self.every_n_train_iters(runner, self.interval) or not is_main_process():
            return
        if self.sample is None:
            self.sample = runner.train_dataloader.dataset[self.draw]
        pictures = feature_pictures(unwrap(runner.model), self.sample)
        for name, pixels in pictures.items():
            runner.visualizer.add_image(name, pixels, runner.iter + 1)


def feature_pictures(model: DOS, sample: dict[str, Any]) -> dict[str, np.ndarray]:
    """Name -> (height, width, 3) uint8 of one sample of a pretraining's stream."""
    pair: ViewPair = sample['views']
    with looking_at(model.teacher), torch.no_grad():
        views: SparseViews = model.data_preprocessor(pseudo_collate([sample]))['views']
        features = model.teacher.backbone(views.voxels, views.cells, views.num_views)
        cosines = None
        if isinstance(model.head, PrototypeHead):
            cosines = model.head.teacher_cosines(model.teacher.projector(features))
    # of both views together, so that equal colours are equal features in both
    colours = np.split(pca_colours(features.float().cpu().numpy()), [len(pair.a.cells)])
    panels = [
        Panel(f'view {name}: principal components', view.points[:, :2].numpy(), own[view.cell_of_point.numpy()])
        for name, view, own in zip('ab', (pair.a, pair.b), colours)
    ]
    reach_m = float(np.percentile(np.abs(np.concatenate([panel.xy_m for panel in panels])), REACH_PERCENT))
    pictures = {'features_pca': to_pixels(draw_panels(panels, n_columns=2, reach_m=reach_m))}
    if cosines is not None and (prior := getattr(model.head, 'prior', None)) is not None:
        usage = prototype_usage(cosines.float().cpu()).double().numpy()
        pictures['prototype_usage'] = to_pixels(draw_prototype_usage(usage, prior.cpu().double().numpy()))
    return pictures


@contextmanager
def looking_at(network: nn.Module) -> Iterator[None]:
    """A network in eval mode, its modules' modes and all random numbers put back afterwards."""
    modes = {module: module.training for module in network.modules()}
    devices = {parameter.device for parameter in network.parameters() if parameter.is_cuda}
    with torch.random.fork_rng(devices=list(devices)):
        network.eval()
        try:
            yield
        finally:
            for module, training in modes.items():
                module.training = training
