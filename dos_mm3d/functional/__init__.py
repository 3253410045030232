"""Pure mathematics: torch in, torch out, one equation a function."""

from .clustering import balanced_assignment, clustering_loss
from .collapse import column_entropy, effective_rank, feature_spread, prototype_usage, usage_entropy, used_share
from .ema import ema_update_
from .masking import block_size_cells, draw_visible_cells
from .matching import match_cells
from .regression import cosine_regression
from .schedules import cosine_ramp, linear_warmup
from .sinkhorn import zipf_sinkhorn
from .softmap import softmap_kl
from .sparse_lookup import find_rows
from .streaming import StreamedSoftmaps, streaming_column_entropies, streaming_softmap_loss, streaming_softmaps
from .zipf import zipf_prior
from .zipf_estimate import estimate_zipf_exponent

__all__ = [
    'StreamedSoftmaps',
    'balanced_assignment',
    'block_size_cells',
    'clustering_loss',
    'column_entropy',
    'cosine_ramp',
    'cosine_regression',
    'draw_visible_cells',
    'effective_rank',
    'ema_update_',
    'estimate_zipf_exponent',
    'feature_spread',
    'find_rows',
    'linear_warmup',
    'match_cells',
    'prototype_usage',
    'softmap_kl',
    'streaming_column_entropies',
    'streaming_softmap_loss',
    'streaming_softmaps',
    'usage_entropy',
    'used_share',
    'zipf_prior',
    'zipf_sinkhorn',
]
