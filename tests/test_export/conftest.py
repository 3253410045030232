"""A pretraining checkpoint with the names and the layout that mmengine's runner writes, and a scan."""

import copy
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.utils import get_installed_path
from torch import nn

import dos_mm3d  # noqa: F401  (repairs upstream bugs)
from tests.helpers.round_trip import randomise

NUSCENES_CONFIG = 'centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
BACKBONE_TEXT = """dict(
    type='SparseEncoderBackbone',
    voxel_encoder=dict(type='HardSimpleVFE', num_features=5),
    middle_encoder=dict(
        type='SparseEncoder', in_channels=5, sparse_shape=[41, 1024, 1024], output_channels=128,
        order=('conv', 'norm', 'act'), block_type='basicblock',
        encoder_channels=((16, 16, 32), (32, 32, 64), (64, 64, 128), (128, 128)),
        encoder_paddings=((0, 0, 1), (0, 0, 1), (0, 0, [0, 1, 1]), (0, 0))))"""
CONFIG_TEXT = f"""
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
voxel_size = 'a variable, which the model need not have taken'
model = dict(
    type='DOS',
    backbone={BACKBONE_TEXT},
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=[-51.2, -51.2, -5.0, 51.2, 51.2, 3.0], voxel_size=[0.1, 0.1, 0.2])
    ),
)
"""


@pytest.fixture(scope='session')
def nuscenes_config() -> Config:
    """mmdet3d's own nuScenes voxel-0.1 config, as it lies in the wheel."""
    init_default_scope('mmdet3d')
    path = Path(get_installed_path('mmdet3d')) / '.mim' / 'configs' / NUSCENES_CONFIG
    return Config.fromfile(path)


@pytest.fixture
def new_detector(nuscenes_config):
    """Builds the unmodified detector; keyword arguments go into its config."""
    from mmdet3d.registry import MODELS

    def build(seed: int, **overrides) -> nn.Module:
        torch.manual_seed(seed)
        return MODELS.build(copy.deepcopy(nuscenes_config.model) | overrides)

    return build


@pytest.fixture
def pretrained(nuscenes_config) -> nn.Module:
    """A DOS model over that detector's encoder, every weight and BatchNorm statistic a value of its own."""
    from mmdet3d.registry import MODELS

    detector = nuscenes_config.model
    torch.manual_seed(100)
    model = MODELS.build(
        dict(
            type='DOS',
            data_preprocessor=copy.deepcopy(detector.data_preprocessor) | dict(type='ViewPreprocessor'),
            backbone=dict(
                type='SparseEncoderBackbone',
                voxel_encoder=copy.deepcopy(detector.pts_voxel_encoder),
                middle_encoder=copy.deepcopy(detector.pts_middle_encoder),
            ),
            projector=dict(type='Projector', hidden_channels=16, out_channels=8),
            head=dict(type='ZipfSinkhornHead', channels=8, num_prototypes=4),
        )
    )
    randomise(model)
    return model


@pytest.fixture
def checkpoint(pretrained, tmp_path) -> Path:
    """The file that mmengine's runner would write for `pretrained`."""
    path = tmp_path / 'iter_7.pth'
    state_dict = pretrained.state_dict()
    assert isinstance(state_dict, OrderedDict) and state_dict._metadata
    torch.save({'meta': {'cfg': CONFIG_TEXT, 'iter': 7, 'epoch': 0}, 'state_dict': state_dict}, path)
    return path


@pytest.fixture
def scan() -> torch.Tensor:
    """(4000, 5) points: x, y, z in metres, intensity 0-255, time lag in seconds."""
    generator = torch.Generator().manual_seed(3)
    xyz = torch.randn(4000, 3, generator=generator) * torch.tensor([12.0, 12.0, 0.8]) - torch.tensor([0, 0, 1.0])
    rest = torch.rand(4000, 2, generator=generator) * torch.tensor([255.0, 0.5])
    return torch.cat([xyz, rest], dim=1)
