"""Cross-entropy and Lovasz-softmax of the point head, against their definitions."""

from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.models.heads.point import PointFeatures, PointHead

CLASSES, IGNORED, CHANNELS = 5, 5, 6


def head(**settings) -> PointHead:
    torch.manual_seed(0)
    return PointHead(CHANNELS, CLASSES, IGNORED, **settings)


def samples(labels: torch.Tensor, sizes=None) -> list[SimpleNamespace]:
    parts = labels.split(sizes or [len(labels)])
    return [SimpleNamespace(gt_pts_seg=SimpleNamespace(pts_semantic_mask=part)) for part in parts]


def scores(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (n, CLASSES) and labels (n,); class 3 does not occur, some labels are ignored."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.tensor([0, 1, 2, 4, IGNORED])[torch.randint(0, 5, (n,), generator=generator)]
    return torch.randn(n, CLASSES, generator=generator) * 2, labels


def jaccard_loss(wrong: set[int], truth: set[int]) -> float:
    """1 - IoU of a class whose points are ``truth`` if the predictions of the points ``wrong`` are wrong."""
    return len(wrong) / len(truth | wrong) if truth | wrong else 0.0


def lovasz_by_definition(logits: torch.Tensor, labels: torch.Tensor) -> float:
    """Lovasz extension (Berman et al. 2018, eq. 8 and 9): errors in descending order, each times what its point adds
    to the Jaccard loss of the set of those before it; mean over the classes that occur."""
    kept = labels != IGNORED
    labels, probabilities = labels[kept].tolist(), logits[kept].double().softmax(1)
    values = []
    for c in sorted(set(labels)):
        truth = {i for i, label in enumerate(labels) if label == c}
        errors = [(1 - p if i in truth else p) for i, p in enumerate(probabilities[:, c].tolist())]
        before: set[int] = set()
        value = 0.0
        for i in sorted(range(len(errors)), key=lambda i: -errors[i]):
            value += errors[i] * (jaccard_loss(before | {i}, truth) - jaccard_loss(before, truth))
            before = before | {i}
        values.append(value)
    return sum(values) / len(values)


def test_losses_are_cross_entropy_and_the_lovasz_extension():
    logits, labels = scores()
    losses = head().loss_by_feat(logits, samples(labels, [20, 40]))
    kept = labels != IGNORED
    by_hand = -logits[kept].double().log_softmax(1)[torch.arange(int(kept.sum())), labels[kept]].mean()
    assert_close(losses['loss_ce'].double(), by_hand)
    assert_close(losses['loss_lovasz'].item(), lovasz_by_definition(logits, labels), atol=1e-6, rtol=0)


def test_lovasz_of_certain_predictions_is_one_minus_mean_iou():
    logits, labels = scores()
    predicted = logits.argmax(1)
    certain = torch.nn.functional.one_hot(predicted, CLASSES) * 100.0
    ious = []
    for c in (0, 1, 2, 4):
        truth, found = labels == c, (predicted == c) & (labels != IGNORED)
        ious.append(((truth & found).sum() / (truth | found).sum()).item())
    loss = head().loss_by_feat(certain, samples(labels))['loss_lovasz']
    assert_close(loss.item(), 1 - sum(ious) / len(ious), atol=1e-6, rtol=0)


def test_gradients_of_both_losses_agree_with_differences():
    logits, labels = scores(12)
    logits.requires_grad_()
    losses = head().loss_by_feat(logits, samples(labels))
    (losses['loss_ce'] + losses['loss_lovasz']).backward()
    assert not logits.grad[labels == IGNORED].any()
    step = 1e-3 * torch.randn(logits.shape, generator=torch.Generator().manual_seed(3))
    ahead, behind = (
        sum(head().loss_by_feat(logits.detach() + sign * step, samples(labels)).values()).item() for sign in (1, -1)
    )
    assert_close((ahead - behind) / 2, (logits.grad * step).sum().item(), rtol=0.02, atol=1e-6)


@pytest.mark.parametrize('labelled', [0, 1])
def test_few_labels_give_finite_losses_and_gradients(labelled):
    logits = scores(7)[0].requires_grad_()
    labels = torch.full((7,), IGNORED)
    labels[:labelled] = 2
    losses = head().loss_by_feat(logits, samples(labels))
    total = losses['loss_ce'].mean() + losses['loss_lovasz'].mean()
    total.backward()
    assert torch.isfinite(total) and torch.isfinite(logits.grad).all()
    assert bool(total) == bool(logits.grad.any()) == bool(labelled)


def test_every_point_gets_the_logits_of_its_voxel():
    net, generator = head(), torch.Generator().manual_seed(4)
    feat, rows = torch.randn(9, CHANNELS, generator=generator), torch.tensor([8, 0, 0, 3, 7, 1, 8])
    logits = net(PointFeatures(feat, rows, (4, 3)))
    assert_close(logits, feat[rows] @ net.conv_seg.weight.T + net.conv_seg.bias)
    first, second = net.predict(PointFeatures(feat, rows, (4, 3)), [])
    assert torch.equal(torch.cat((first, second)), logits) and len(first) == 4


def test_class_weights_reach_the_cross_entropy():
    logits, labels = scores()
    weighted = head(loss_ce=dict(type='mmdet.CrossEntropyLoss', class_weight=[0.0, 0.0, 1.0, 0.0, 0.0]))
    kept = labels != IGNORED
    own = -logits[kept].log_softmax(1)[:, 2] * (labels[kept] == 2)
    assert_close(weighted.loss_by_feat(logits, samples(labels))['loss_ce'], own.mean())


def test_labels_of_another_scan_are_refused():
    logits, labels = scores()
    with pytest.raises(ValueError, match='59 labels for 60 points'):
        head().loss_by_feat(logits, samples(labels[1:]))
