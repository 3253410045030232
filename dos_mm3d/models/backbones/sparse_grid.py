"""Whether mmdet3d's SparseEncoder can work on a grid: known from its convolutions alone, before any data are read."""

from mmdet3d.models import SparseEncoder
from spconv.pytorch.conv import SparseConvolution

from ...errors import InputError
from ...structures import Grid

AXES = 'zyx'
GEOMETRY = ('kernel_size', 'stride', 'padding')
MOST_VOXELS = 1 << 12
"""Along an axis, up to which a number of voxels that fits is looked for."""
FIX = 'Override the variables that all of these are made from (point_cloud_range, voxel_size)'


def require_sparse_shape(encoder: SparseEncoder, grid: Grid) -> None:
    """InputError unless an encoder's ``sparse_shape`` is the grid of its voxels, with or without one of head room in z.

    spconv does not look: sites outside of its shape are computed as others, or not at all.
    """
    shape, (layers, *size) = list(encoder.sparse_shape), grid.shape
    if shape not in ([layers, *size], [layers + 1, *size]):
        raise InputError(
            f'sparse_shape of the middle encoder is {shape}, and point_cloud_range {list(grid.point_cloud_range)} in '
            f'voxels of {list(grid.voxel_size_m)} m has {grid.shape} (z, y, x); wanted {[layers + 1, *size]}. {FIX}'
        )


def require_cells(encoder: SparseEncoder, grid: Grid) -> None:
    """InputError unless every stage of an encoder, ``conv_out`` included, has a cell along every axis."""
    for axis, voxels in enumerate(grid.shape):
        head_room = encoder.sparse_shape[axis] - voxels
        if min(sizes_along(encoder, axis, voxels + head_room)) > 0:
            continue
        more = range(voxels + 1, MOST_VOXELS)
        enough = next((n for n in more if min(sizes_along(encoder, axis, n + head_room)) > 0), None)
        edge_m, bounds = grid.voxel_size_m[2 - axis], grid.point_cloud_range
        extent_m = bounds[5 - axis] - bounds[2 - axis]
        fix = f'wanted at least {enough}, of {extent_m / enough:.3g} m' if enough else 'take another encoder'
        raise InputError(
            f'{voxels} voxels along {AXES[axis]} ({extent_m:g} m of point_cloud_range in steps of {edge_m:g} m) are '
            f'too few for the strides of the sparse encoder, no cell would be left in its last stage; {fix}, or a '
            f'longer range. {FIX}'
        )


def sizes_along(encoder: SparseEncoder, axis: int, size: int) -> list[int]:
    """Cells of the encoder's stages along one axis of ``size`` voxels, ``conv_out`` last."""
    sizes = []
    for stage in (*encoder.encoder_layers, encoder.conv_out):
        for convolution in stage.modules():
            if isinstance(convolution, SparseConvolution) and not convolution.subm:
                kernel, stride, padding = (getattr(convolution, name)[axis] for name in GEOMETRY)
                size = (size + 2 * padding - kernel) // stride + 1
        sizes.append(size)
    return sizes
