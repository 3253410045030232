"""One softmap per cloud: cloud_index against a loop over clouds."""

import pytest
import torch
from torch.testing import assert_close

from dos_mm3d.functional import streaming_column_entropies, streaming_softmap_loss, streaming_softmaps, zipf_prior
from tests.helpers.streaming_cases import TEMPERATURES, case, plain_loss, value_and_gradients

N, K = 120, 12
SETTINGS = dict(n_iters=3, **TEMPERATURES)


@pytest.fixture
def cloud_index() -> torch.Tensor:
    """Three clouds in mixed order, numbers 7, 3 and 1000, and one point each of two others."""
    index = torch.tensor([7, 3, 1000])[torch.randint(3, (N,), generator=torch.Generator().manual_seed(0))]
    index[5], index[60] = 4, 0
    return index


def loop(function, cloud_index: torch.Tensor, *features: torch.Tensor) -> torch.Tensor:
    """Mean of function(features of one cloud) over the clouds of two points and more."""
    parts = [cloud_index == cloud for cloud in cloud_index.unique()]
    return torch.stack([function(*(x[part] for x in features)) for part in parts if part.sum() >= 2]).mean(0)


def test_equals_a_loop_over_clouds(cloud_index):
    student, teacher, prototypes = case(N, K)
    prior, fixed = zipf_prior(K, 1.3), prototypes.clone()

    def streaming(x, q):
        return streaming_softmap_loss(x, teacher, q, prior, cloud_index=cloud_index, **SETTINGS)

    def looped(x, q):
        def of_cloud(x, t):
            return plain_loss(x, t, q, prior, n_iters=3, teacher_prototypes=fixed)

        return loop(of_cloud, cloud_index, x, teacher)

    got = value_and_gradients(streaming, student, prototypes)
    for one, other in zip(got, value_and_gradients(looped, student, prototypes)):
        assert_close(one, other, rtol=1e-9, atol=1e-14)
    assert (got[1][[5, 60]] == 0).all(), 'points alone in their cloud say nothing'
    assert not torch.isclose(got[0], streaming_softmap_loss(student, teacher, prototypes, prior, **SETTINGS), rtol=0.05)


def test_entropies_are_means_over_clouds(cloud_index):
    student, teacher, prototypes = case(N, K)
    prior = zipf_prior(K, 1.3)

    def of_cloud(x, t):
        return torch.stack(streaming_column_entropies(x, t, prototypes, prior, **SETTINGS))

    got = streaming_column_entropies(student, teacher, prototypes, prior, cloud_index=cloud_index, **SETTINGS)
    assert_close(torch.stack(got), loop(of_cloud, cloud_index, student, teacher))


def test_one_cloud_is_the_whole_batch():
    student, teacher, prototypes = case(N, K)
    prior = zipf_prior(K, 1.3)
    one = streaming_softmap_loss(
        student, teacher, prototypes, prior, cloud_index=torch.zeros(N, dtype=torch.int64), **SETTINGS
    )
    assert_close(one, streaming_softmap_loss(student, teacher, prototypes, prior, **SETTINGS))


def test_only_lonely_points_give_no_loss_and_no_gradient():
    student, teacher, prototypes = case(4, K)

    def streaming(x, q):
        return streaming_softmap_loss(x, teacher, q, zipf_prior(K, 1.3), cloud_index=torch.arange(4), **SETTINGS)

    for value in value_and_gradients(streaming, student, prototypes):
        assert (value == 0).all()
    lonely = streaming_softmaps(
        student, teacher, prototypes, zipf_prior(K, 1.3), cloud_index=torch.arange(4), **SETTINGS
    )
    assert lonely.student_entropy.isnan() and lonely.target_entropy.isnan()


@pytest.mark.parametrize('index', [torch.zeros(3, dtype=torch.int64), torch.zeros(4), torch.zeros(4, 1).long()])
def test_an_index_that_does_not_fit_is_named(index):
    with pytest.raises(ValueError, match='cloud_index of 4 integers'):
        streaming_softmap_loss(*case(4, K), zipf_prior(K, 1.3), cloud_index=index, **SETTINGS)


def test_clouds_and_ranks_together_are_refused():
    both = dict(cloud_index=torch.zeros(4, dtype=torch.int64), process_group=object())
    with pytest.raises(ValueError, match='both cloud_index and process_group'):
        streaming_softmap_loss(*case(4, K), zipf_prior(K, 1.3), **both, **SETTINGS)
