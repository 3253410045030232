"""Finding sites of a sparse tensor by their coordinates."""

import torch
from torch import Tensor

from ..cpu.cell_keys import cell_keys


def bounding_shape(*coords: Tensor) -> list[int]:
    """Sizes (d,) of a grid that holds the cells of all of the (M, 1 + d) integer [batch, ...] coordinates >= 0."""
    return torch.stack([cells[:, 1:].amax(0) for cells in coords if len(cells)]).amax(0).add(1).tolist()


def find_rows(query: Tensor, sites: Tensor, spatial_shape: tuple[int, ...] | list[int]) -> Tensor:
    """Row of each query coordinate among ``sites``, -1 where it is not a site.

    query (M, 1 + d), sites (S, 1 + d): integer [batch, ...], sites unique. Returns (M,) int64.
    """
    if len(sites) == 0:
        return torch.full((len(query),), -1, dtype=torch.int64, device=query.device)
    keys, order = cell_keys(sites, spatial_shape).sort()
    wanted = cell_keys(query, spatial_shape)
    position = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
    return torch.where(keys[position] == wanted, order[position], -1)
