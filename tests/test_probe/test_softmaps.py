"""Softmaps of chosen prototypes are those of the loss, columns picked out."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dos_mm3d.functional.sinkhorn import zipf_sinkhorn
from dos_mm3d.models.heads.projector import Projector
from dos_mm3d.models.heads.zipf_sinkhorn import SoftmapHead, ZipfSinkhornHead
from dos_mm3d.probe.softmaps import softmaps_of


def model_with(head: nn.Module) -> SimpleNamespace:
    torch.manual_seed(1)
    branch = SimpleNamespace(projector=Projector(5, 8, 4))
    other = SimpleNamespace(projector=Projector(5, 8, 4))
    return SimpleNamespace(head=head, teacher=branch, student=other)


@pytest.fixture
def features() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(torch.randn(2, 30, 5, generator=torch.Generator().manual_seed(0)))


def test_maps_are_those_that_the_loss_compares(features) -> None:
    torch.manual_seed(0)
    head = ZipfSinkhornHead(4, num_prototypes=7)
    head.set_step(100, 100)
    model = model_with(head)
    found = softmaps_of(model, *features, most_used=3, chosen=[5, 0])
    with torch.no_grad():
        logits = model.teacher.projector(features[0]) @ F.normalize(head.prototypes, dim=1).T / 0.07
        target = zipf_sinkhorn(logits, head.prior, n_iters=head.n_iters)
        student = (model.student.projector(features[1]) @ F.normalize(head.prototypes, dim=1).T / 0.1).softmax(0)
    assert found.prototypes.tolist() == [5, 0]
    torch.testing.assert_close(found.maps['teacher'], logits.softmax(0)[:, [5, 0]])
    torch.testing.assert_close(found.maps['teacher, Zipf-Sinkhorn'], target[:, [5, 0]])
    torch.testing.assert_close(found.maps['student'], student[:, [5, 0]])


def test_the_most_used_come_first(features) -> None:
    found = softmaps_of(model_with(ZipfSinkhornHead(4, num_prototypes=7)), *features, most_used=3)
    assert len(found.prototypes) == 3
    assert found.shares.tolist() == sorted(found.shares.tolist(), reverse=True)
    assert found.shares[0] > 1 / 7


def test_what_a_head_has_not_is_not_shown(features) -> None:
    assert 'teacher, Zipf-Sinkhorn' not in softmaps_of(model_with(SoftmapHead(4)), *features, most_used=1).maps
    assert softmaps_of(model_with(nn.Identity()), *features, most_used=1) is None
    with pytest.raises(ValueError, match='wanted 0 to 6'):
        softmaps_of(model_with(ZipfSinkhornHead(4, num_prototypes=7)), *features, most_used=1, chosen=[7])
