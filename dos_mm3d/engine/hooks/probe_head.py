"""A segmentation head that begins as the linear probe of its backbone, not at random."""

import torch
from mmdet3d.registry import HOOKS
from mmengine.hooks import Hook
from torch import Tensor, nn

from ...errors import InputError
from ...functional.logistic_regression import LinearLayer, ProbeRecipe, choose_points, fit_linear
from ...models.heads.point import PointFeatures
from ..training_frames import same_on_all_ranks, training_batches
from .dos import unwrap

ABSENT_BIAS = -100.0
"""Of a class that no frame shows: its probability is 0 in float32, and a checkpoint holds no infinity."""


@HOOKS.register_module()
class ProbeHeadHook(Hook):
    """Before the first step: multinomial logistic regression on the backbone's features of training frames, in
    evaluation mode, gives the last layer of the head (linear probing, then fine-tuning: Kumar et al., ICLR 2022).

    For segmentors whose head ends in a linear layer: MinkUNet, SPVCNN and PTv3Segmentor.

    Args:
        frames: of the training set, evenly spread, augmented as in training.
        points_per_class: at most so many points of a class in a batch; each then stands for several.
        recipe: fields of :class:`ProbeRecipe` that differ from the probe's.
    """

    priority = 'LOW'  # after the statistics of BatchNorm, and after records of the start

    def __init__(self, frames: int = 40, points_per_class: int = 200, recipe: dict | None = None) -> None:
        if frames < 1:
            raise InputError(f'ProbeHeadHook: frames is {frames}, wanted 1 or more')
        self.frames, self.points_per_class = frames, points_per_class
        self.recipe = ProbeRecipe(**(recipe or {}))

    def before_train(self, runner) -> None:
        if runner.iter > 0:  # resumed: the head has learnt since
            return
        model = unwrap(runner.model)
        head = linear_head(model)
        model.eval()
        examples = [
            self._choose(model, batch, number) for number, batch in enumerate(training_batches(runner, self.frames))
        ]
        features, labels, weights = (torch.cat(part) for part in zip(*examples))
        set_linear_(head, fit_linear(features, labels, weights, n_classes=head.out_features, recipe=self.recipe))
        same_on_all_ranks(head.weight.data, head.bias.data)
        runner.logger.info(f'the head begins as the linear probe of {len(labels)} points of {self.frames} frames')

    def _choose(self, model: nn.Module, batch: dict, number: int) -> tuple[Tensor, Tensor, Tensor]:
        """Features, labels and weights of some points of a batch."""
        features, labels = labelled_features(model, batch)
        chosen, weights = choose_points(
            labels,
            per_class=self.points_per_class,
            ignored=model.decode_head.ignore_index,
            generator=torch.Generator().manual_seed(number),
        )
        return features[chosen], labels[chosen], weights


def linear_head(model: nn.Module) -> nn.Linear:
    """The last layer of a segmentor; InputError where it is none that a probe can replace."""
    head = getattr(getattr(model, 'decode_head', None), 'conv_seg', None)
    if not isinstance(head, nn.Linear):
        raise InputError(
            f'ProbeHeadHook: {type(model).__name__} has no decode_head.conv_seg that is a linear layer '
            f'({type(head).__name__}); wanted a segmentor such as MinkUNet or PTv3Segmentor. Leave the hook out'
        )
    return head


@torch.no_grad()
def labelled_features(model: nn.Module, batch: dict) -> tuple[Tensor, Tensor]:
    """What the last layer is given, (n, C) float32, and the labels (n,) int64 that its loss compares with, on the CPU.

    One row for every voxel of MinkUNet, for every point of PTv3Segmentor.
    """
    samples = batch['data_samples']
    found = model.extract_feat(batch['inputs'])
    if isinstance(found, PointFeatures):
        features = found.feat.index_select(0, found.row_of_point)
        labels = torch.cat([sample.gt_pts_seg.pts_semantic_mask for sample in samples])
    else:
        features = found
        labels = torch.cat([sample.gt_pts_seg.voxel_semantic_mask for sample in samples])
    return features.float().cpu(), labels.long().cpu()


@torch.no_grad()
def set_linear_(layer: nn.Linear, fitted: LinearLayer) -> None:
    """Give a layer the weights of a probe, in place: the same logits, but ABSENT_BIAS for -inf."""
    layer.weight.copy_(fitted.weight.T)
    layer.bias.copy_(fitted.bias.clamp_min(ABSENT_BIAS))
