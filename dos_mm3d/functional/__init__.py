"""Pure mathematics: torch in, torch out, one equation a function. What is imported here is what is exported."""

from ..cpu.scatter import mean_over_points, occupied_cells, reduce_by_row, scatter_points
from .clustering import balanced_assignment, clustering_loss
from .collapse import (
    column_entropy,
    effective_rank,
    feature_spread,
    marginal_entropy,
    posterior_entropy,
    prototype_usage,
    usage_entropy,
    used_share,
)
from .crops import CropDraw, crop_rows, draw_crop
from .ema import ema_update_
from .grid import find_rows
from .intensity import unit_intensity
from .masking import block_size_cells, draw_visible_cells
from .matching import match_cells
from .patch_masking import inverse_block_mask
from .patches import gather_patches, in_unit_sphere, interpolate_from_patches, patch_rows, pooled_features
from .regression import cosine_regression
from .schedules import cosine_ramp, linear_warmup
from .self_distillation import (
    category_logits,
    distillation_loss,
    distillation_loss_of_pairs,
    koleo_loss,
    moved_centre,
    target_distribution,
)
from .sinkhorn import zipf_sinkhorn
from .softmap import softmap_kl
from .streaming import StreamedSoftmaps, streaming_column_entropies, streaming_softmap_loss, streaming_softmaps
from .trilinear import interpolate, trilinear_corners, voxel_of_point
from .voxelize import cylinder_cells, polar_points
from .zipf import estimate_zipf_exponent, zipf_prior
