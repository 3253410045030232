"""Two gloo ranks with uneven numbers of points, one of them even without any, equal one process."""

import pytest
import torch
import torch.multiprocessing as mp
from torch.testing import assert_close

from tests.helpers import streaming_rank_worker as worker


@pytest.fixture(scope='module')
def ranks(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp('ranks')
    mp.spawn(worker.work, args=(str(folder / 'store'), str(folder / 'out')), nprocs=2)
    return [torch.load(folder / f'out.{rank}') for rank in range(2)]


@pytest.mark.parametrize('name', worker.SPLITS)
def test_two_ranks_equal_one(ranks, name):
    one = worker.run_split(worker.SPLITS[name], None)
    loss, features, prototypes = one['streaming']
    for seen in ranks:
        assert_close(seen[name]['streaming'][0], loss, rtol=1e-10, atol=1e-12)
    # every rank's own loss is the same global scalar, so gradients are summed twice: halve as DDP does
    shares = [seen[name]['streaming'] for seen in ranks]
    assert [len(share[1]) for share in shares] == list(worker.SPLITS[name])
    assert_close(torch.cat([share[1] for share in shares]) / 2, features, rtol=1e-9, atol=1e-14)
    assert_close(sum(share[2] for share in shares) / 2, prototypes, rtol=1e-9, atol=1e-14)
    assert loss > 0.01 or name == 'one point'


@pytest.mark.parametrize('name', ['uneven', 'one rank without points'])
def test_gradients_follow_the_convention_of_the_plain_functions(ranks, name):
    for seen in ranks:
        for streaming, plain in zip(seen[name]['streaming'], seen[name]['plain']):
            assert_close(streaming, plain, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize('name', ['uneven', 'one rank without points'])
def test_entropies_run_over_all_ranks(ranks, name):
    one = worker.run_split(worker.SPLITS[name], None)
    for seen in ranks:
        assert_close(seen[name]['entropies'], one['entropies'])


def test_no_point_anywhere_is_refused_on_every_rank(ranks):
    for seen in ranks:
        assert 'no point' in seen['refusal']
