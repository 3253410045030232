"""Two ranks with uneven numbers of points equal one rank, in loss and gradients, and decide alike (gloo, CPU)."""

import pytest
import torch
import torch.multiprocessing as mp
from torch.testing import assert_close

from dos_mm3d.models.heads import ClusteringHead, ZipfSinkhornHead
from tests.helpers import two_rank_worker as worker


@pytest.fixture(scope='module')
def two_ranks(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp('ranks')
    mp.spawn(worker.work, args=(str(folder / 'store'), str(folder / 'out')), nprocs=2)
    return [torch.load(folder / f'out.{rank}') for rank in range(2)]


@pytest.mark.parametrize(('name', 'head_class'), [('head', ZipfSinkhornHead), ('clustering', ClusteringHead)])
def test_head_with_scope_all_and_uneven_points(two_ranks, name, head_class):
    one = worker.run_head(None, head_class)
    for seen in two_ranks:
        assert_close(seen[name]['loss'], one['loss'], rtol=1e-12, atol=0)
        assert_close(seen[name]['prototypes'], one['prototypes'], rtol=1e-9, atol=1e-14)
    features = torch.cat([seen[name]['features'] for seen in two_ranks])
    assert len(two_ranks[0][name]['features']) != len(two_ranks[1][name]['features'])
    assert_close(features, one['features'], rtol=1e-9, atol=1e-14)


def test_the_estimated_exponent_is_one_for_all_ranks(two_ranks):
    one = worker.run_exponent(None)
    for seen in two_ranks:
        for name, value in one.items():
            assert_close(seen['exponent'][name], value, rtol=1e-12, atol=1e-12)


def test_whole_model_with_batchnorm_in_eval_mode(two_ranks):
    one = worker.run_model(None)
    for seen in two_ranks:
        assert seen['model'].keys() == one.keys()
        for name, value in one.items():
            assert_close(
                seen['model'][name], value, rtol=1e-4, atol=1e-6, msg=lambda text, name=name: f'{name}: {text}'
            )
    assert one['student.backbone.middle_encoder.conv_input.0.weight'].abs().max() > 0
    assert one['student.backbone.middle_encoder.conv_out.0.weight'].abs().max() > 0


def test_asymdsd_neighbours_of_koleo_and_centres_included(two_ranks):
    one = worker.run_asymdsd(None)
    assert {'loss_patch', 'loss_cls', 'loss_koleo'} <= one['losses'].keys()
    for name, value in one['losses'].items():
        assert_close(torch.stack([seen['asymdsd']['losses'][name] for seen in two_ranks]).mean(), value)
    for seen in two_ranks:
        assert seen['asymdsd']['grads'].keys() == one['grads'].keys()
        for part in ('grads', 'centres'):
            for name, value in one[part].items():
                assert_close(seen['asymdsd'][part][name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(('failure', 'words'), [('loss', 'the loss (nan)'), ('buffer', 'not finite: mean')])
def test_a_failure_on_one_rank_is_named_on_both_in_the_same_iteration(two_ranks, failure, words):
    """A rank that decided alone would leave the others waiting in their next reduction."""
    one, other = (seen['monitor'][failure] for seen in two_ranks)
    assert one == other
    warning, *looks = one
    assert 'at iteration 1: ' in warning and words in warning
    assert looks == ['2', '3'], 'no statistics of the broken iteration, all of the others'


def test_a_rank_that_has_compared_no_points_yet_waits_for_none(two_ranks):
    """The mean is over the ranks that have a value."""
    one, other = (seen['monitor']['no entropy'] for seen in two_ranks)
    assert one == other == ['1', '2', '3', '0.5', '0.5', '0.5']
