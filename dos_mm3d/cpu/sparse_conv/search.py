"""The search for index pairs on the CPU: those of spconv 2.3.8 in its order, whose own search looks into a
`std::unordered_map` for every site and offset and takes several times as long."""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from torch import Tensor

from ..key_table import strided_pairs, submanifold_pairs


def find_pairs(
    sites: Tensor,
    out_shape: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    *,
    subm: bool,
    transposed: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """What `spconv.pytorch.ops.get_indice_pairs` returns for a convolution in three dimensions.

    Args:
        sites: (N, 4) int32 [batch, z, y, x], in the grid of the input; on the CPU.
        out_shape: cells of the output's grid along z, y, x.
        kernel, stride, padding, dilation: along z, y, x; of submanifold convolutions the first and the last count.
        subm: sites of the output are those of the input.
        transposed: a transposed convolution.

    Returns:
        Sites of the output (M, 4) int32, in the order in which they are found; pairs (2, K, N) int32 of input and
        output rows, anything behind the last of each offset (where spconv has -1); pairs of each offset (K,) int32, of
        submanifold convolutions only of those before the centre.
    """
    array = sites.detach().contiguous().numpy()
    shape, kernel, stride, padding, dilation = (
        tuple(map(int, each)) for each in (out_shape, kernel, stride, padding, dilation)
    )
    pairs = np.empty((2, prod(kernel), len(array)), np.int32)
    counts = np.zeros(prod(kernel), np.int32)
    if subm:
        submanifold_pairs(array, shape, kernel, dilation, pairs, counts)
        found = sites
    else:
        found = torch.from_numpy(
            strided_pairs(array, shape, kernel, stride, padding, dilation, transposed, pairs, counts)
        )
    return found, torch.from_numpy(pairs), torch.from_numpy(counts)
