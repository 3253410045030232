"""Pure mathematics: torch in, torch out, one equation a function."""

from .collapse import column_entropy, effective_rank, feature_spread, prototype_usage, usage_entropy, used_share
from .ema import ema_update_
from .masking import block_size_cells, draw_visible_cells
from .matching import match_cells
from .schedules import cosine_ramp, linear_warmup
from .sinkhorn import zipf_sinkhorn
from .softmap import softmap_kl
from .sparse_lookup import find_rows
from .zipf import zipf_prior

__all__ = [
    'block_size_cells',
    'column_entropy',
    'cosine_ramp',
    'draw_visible_cells',
    'effective_rank',
    'ema_update_',
    'feature_spread',
    'find_rows',
    'linear_warmup',
    'match_cells',
    'prototype_usage',
    'softmap_kl',
    'usage_entropy',
    'used_share',
    'zipf_prior',
    'zipf_sinkhorn',
]
