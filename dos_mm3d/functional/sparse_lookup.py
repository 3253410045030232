"""Finding sites of a sparse tensor by their coordinates."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..cpu.cell_keys import cell_keys


def find_rows(query: Tensor, sites: Tensor, spatial_shape: Sequence[int] | None = None) -> Tensor:
    """Row of each query coordinate among ``sites``, -1 where it is not a site.

    Args:
        query: (M, 1 + d) integer [batch, ...].
        sites: (S, 1 + d) integer [batch, ...], unique.
        spatial_shape: sizes (d,) of a grid that all lie in; None: anywhere, also left of 0.

    Returns:
        (M,) int64.
    """
    if len(sites) == 0 or len(query) == 0:
        return torch.full((len(query),), -1, dtype=torch.int64, device=query.device)
    if spatial_shape is None:
        query, sites = query.long(), sites.long()
        lowest = torch.minimum(query.amin(0), sites.amin(0))
        query, sites = query - lowest, sites - lowest
        spatial_shape = (torch.maximum(query.amax(0), sites.amax(0)) + 1).tolist()
    keys, order = cell_keys(sites, spatial_shape).sort()
    wanted = cell_keys(query, spatial_shape)
    position = torch.searchsorted(keys, wanted).clamp_max(len(keys) - 1)
    return torch.where(keys[position] == wanted, order[position], -1)
