"""SparseEncoderBackbone: which stages of mmdet3d's encoder make up a loss voxel's feature, at every loss stride."""

import pytest
import torch
from mmdet3d.registry import MODELS
from spconv.pytorch import ops

SHAPE = [41, 32, 32]  # z, y, x
BLOCKS = {
    # CenterPoint's, narrower: stages at stride 2, 4, 8, 8
    'basicblock': dict(
        encoder_channels=((4, 4, 6), (6, 6, 8), (8, 8, 10), (10, 10)),
        encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [0, 1, 1]), (0, 0)),
        base_channels=4,
    ),
    # SECOND's: 1, 2, 4, 8
    'conv_module': dict(
        encoder_channels=((4,), (6, 6, 6), (8, 8, 8), (10, 10, 10)),
        encoder_paddings=((1,), (1, 1, 1), (1, 1, 1), ((0, 1, 1), 1, 1)),
        base_channels=4,
    ),
}
LAST = 12


def backbone(block_type: str, loss_stride: int):
    encoder = dict(
        type='SparseEncoder', in_channels=4, sparse_shape=SHAPE, output_channels=LAST, block_type=block_type,
        order=('conv', 'norm', 'act'), **BLOCKS[block_type],
    )  # fmt: skip
    voxels = dict(type='HardSimpleVFE', num_features=4)
    return MODELS.build(
        dict(type='SparseEncoderBackbone', voxel_encoder=voxels, middle_encoder=encoder, loss_stride=loss_stride)
    )


@pytest.mark.parametrize(
    ('block_type', 'loss_stride', 'channels'),
    [
        ('basicblock', 1, 6 + 8 + 10 + 10 + LAST),
        ('basicblock', 2, 6 + 8 + 10 + 10 + LAST),
        ('basicblock', 4, 8 + 10 + 10 + LAST),
        ('basicblock', 8, 10 + 10 + LAST),
        ('conv_module', 1, 4 + 6 + 8 + 10 + LAST),
        ('conv_module', 2, 6 + 8 + 10 + LAST),
        ('conv_module', 4, 8 + 10 + LAST),
        ('conv_module', 8, 10 + LAST),
    ],
)
def test_stages_finer_than_the_loss_voxels_are_not_counted(block_type, loss_stride, channels):
    torch.manual_seed(0)
    net = backbone(block_type, loss_stride)
    cells = torch.cartesian_prod(
        torch.arange(2), torch.arange(0, 40, 6), torch.arange(0, 32, 3), torch.arange(0, 32, 5)
    )
    two = torch.full((len(cells),), 2)
    voxels = dict(voxels=torch.rand(len(cells), 2, 4), num_points=two, coors=cells.int())
    cells[:, 1:] //= loss_stride
    loss_cells = cells.unique(dim=0).int()
    features = net(voxels, loss_cells, 2)
    assert features.shape == (len(loss_cells), channels)
    assert net.out_channels == channels


def test_neighbours_are_searched_once_per_stage_without_the_cpus_sharing_of_them(monkeypatch):
    """spconv on a GPU does not know what dos_mm3d.compat keeps on a tensor of sites."""
    search, found = ops.get_indice_pairs.original, []
    monkeypatch.setattr(ops, 'get_indice_pairs', lambda *a, **k: found.append(a[9]) or search(*a, **k))
    net = backbone('basicblock', 2)
    coors = torch.cartesian_prod(torch.arange(1), torch.arange(0, 40, 4), torch.arange(8), torch.arange(8)).int()
    net.encode(torch.rand(len(coors), 4), coors, 1)
    # submanifold ones: conv_input, and one for the blocks of each of four stages; the others: three strides, conv_out
    assert found.count(True) == 1 + 4
    assert found.count(False) == 4


@pytest.mark.parametrize('loss_stride', [0, 3, 16])
def test_loss_voxels_that_no_stage_divides_are_refused(loss_stride):
    with pytest.raises(ValueError, match=rf'loss_stride .*one of \[1, 2, 4, 8\], got {loss_stride}'):
        backbone('basicblock', loss_stride)
