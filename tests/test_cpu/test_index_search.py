"""Our search for the index pairs of sparse convolutions: those of spconv's own, number for number."""

import numpy as np
import pytest
import torch
from spconv.core import ConvAlgo
from spconv.pytorch import ops
from torch import Tensor

import dos_mm3d  # noqa: F401  (puts our search in spconv's place)

SHAPE = (9, 11, 13)
# kernel, stride, padding, dilation, submanifold, transposed
GEOMETRIES = {
    'subm': ((3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), True, False),
    'subm flat': ((1, 3, 5), (1, 1, 1), (0, 1, 2), (1, 1, 1), True, False),
    'subm dilated': ((3, 3, 3), (1, 1, 1), (2, 2, 2), (2, 1, 3), True, False),
    'subm of one cell': ((1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, 1), True, False),
    'stride 1': ((3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), False, False),
    'stride 2': ((3, 3, 3), (2, 2, 2), (1, 1, 1), (1, 1, 1), False, False),
    'stride 2, no padding': ((3, 3, 3), (2, 2, 2), (0, 0, 0), (1, 1, 1), False, False),
    'strides of their own': ((3, 1, 2), (2, 1, 3), (0, 0, 1), (1, 1, 2), False, False),
    'transposed': ((3, 3, 3), (2, 2, 2), (1, 1, 1), (1, 1, 1), False, True),
    'transposed, dilated': ((2, 3, 3), (2, 1, 2), (0, 1, 1), (2, 1, 2), False, True),
}


def sites(count: int) -> Tensor:
    """(count, 4) int32 of two samples, in no order."""
    cells = np.random.default_rng(count).permutation(2 * int(np.prod(SHAPE)))[:count]
    return torch.tensor(np.stack(np.unravel_index(cells, (2, *SHAPE)), axis=1).astype(np.int32))


def spconvs_own():
    function = ops.get_indice_pairs
    while hasattr(function, 'original'):
        function = function.original
    return function


@pytest.mark.parametrize('count', [1, 40, 1500])
@pytest.mark.parametrize('name', GEOMETRIES)
def test_finds_what_spconv_finds(name, count):
    """Few sites in many cells and the other way round: the output has far more sites than the input, and far fewer."""
    *geometry, subm, transposed = GEOMETRIES[name]
    settings = (2, list(SHAPE), ConvAlgo.Native, *map(list, geometry), [0, 0, 0], subm, transposed)
    found, pairs, counts = ops.get_indice_pairs(sites(count), *settings)
    wanted, wanted_pairs, wanted_counts = spconvs_own()(sites(count), *settings)
    assert found.dtype == pairs.dtype == counts.dtype == torch.int32
    assert torch.equal(found, wanted)
    assert torch.equal(counts, wanted_counts)
    there = wanted_pairs >= 0  # behind the last of an offset: anything
    assert torch.equal(pairs[there], wanted_pairs[there])


def test_no_site_at_all():
    found, pairs, counts = ops.get_indice_pairs(
        torch.zeros(0, 4, dtype=torch.int32),
        1,
        list(SHAPE),
        ConvAlgo.Native,
        *[[3] * 3, [2] * 3, [1] * 3, [1] * 3, [0] * 3],
    )
    assert (tuple(found.shape), tuple(pairs.shape), int(counts.sum())) == ((0, 4), (2, 27, 0), 0)
