"""A pretrained SPVCNN goes into mmdet3d's MinkUNet segmentor with our SPVCNN, tensor for tensor, under mmdet3d's names.

mmdet3d's own SPVCNNBackbone is built here over tests/helpers/torchsparse_stub.py, a stand-in: it gives the names and
shapes that the file must have. Loading and running it on torchsparse itself is not run (test_models/test_spvcnn.py,
last one).
"""

import copy
from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import Det3DDataSample, PointData
from mmengine.config import Config
from torch import nn

from dos_mm3d.export.backbone import export_backbone, read_export
from dos_mm3d.export.loading import fit_report, require_fit
from tests.helpers import torchsparse_stub
from tests.helpers.round_trip import (
    assert_same_tensors,
    load_through_runner,
    mmdet3d_config,
    randomise,
    save_as_runner_does,
)

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
THEIRS = 'spvcnn/spvcnn_w32_8xb2-amp-15e_semantickitti.py'


@pytest.fixture(scope='module')
def pretrained() -> nn.Module:
    """The model of our SemanticKITTI config, whole, every weight and statistic a value of its own."""
    torch.manual_seed(100)
    model = MODELS.build(Config.fromfile(CONFIGS / 'dos/dos_spvcnn_semantickitti.py').model)
    randomise(model)
    return model.eval()


@pytest.fixture(scope='module')
def checkpoint(pretrained, tmp_path_factory) -> Path:
    text = Config.fromfile(CONFIGS / 'dos/dos_spvcnn_semantickitti.py').pretty_text
    return save_as_runner_does(pretrained, text, tmp_path_factory.mktemp('spvcnn') / 'iter_7.pth')


@pytest.fixture(scope='module')
def exported(checkpoint) -> Path:
    export_backbone(checkpoint, checkpoint.with_name('backbone.pth'))
    return checkpoint.with_name('backbone.pth')


def segmentor(**overrides) -> nn.Module:
    """mmdet3d's segmentor by our config, which differs from mmdet3d's in the backbone's type only."""
    config = Config.fromfile(CONFIGS / 'segmentation/spvcnn_semantickitti.py')
    torch.manual_seed(5)
    return MODELS.build(copy.deepcopy(config.model) | overrides)


def test_names_and_shapes_in_the_file_are_those_of_mmdet3ds_segmentor(exported, monkeypatch):
    torchsparse_stub.install(monkeypatch)
    theirs = MODELS.build(copy.deepcopy(mmdet3d_config(THEIRS).model))
    wanted = {k: (v.shape, v.dtype) for k, v in theirs.state_dict().items() if not k.startswith('decode_head.')}
    export = read_export(exported)
    assert {name: (value.shape, value.dtype) for name, value in export['state_dict'].items()} == wanted
    report = fit_report(theirs, export['state_dict'])
    assert len(report.matched) == len(wanted) == 315 and not report.unexpected and not report.wrong_shape
    assert export['meta']['backbone'] == 'SPVCNNAdapter'
    assert export['meta']['kernel_layout'] == 'torchsparse: (K, C_in, C_out), (C_in, C_out) for K = 1'


@torch.no_grad()
def test_load_from_gives_every_tensor_and_the_same_features(exported, pretrained, tmp_path):
    require_fit(segmentor(), exported)
    detector = load_through_runner(segmentor(), exported, tmp_path).eval()
    teacher = pretrained.teacher.backbone
    assert_same_tensors(detector.backbone, teacher.backbone)
    generator = torch.Generator().manual_seed(3)
    points = torch.rand(2000, 4, generator=generator) * torch.tensor([3.0, 3.0, 0.7, 1.0])
    sample = Det3DDataSample(gt_pts_seg=PointData())
    voxels = detector.data_preprocessor({'inputs': {'points': [points]}, 'data_samples': [sample]})['inputs']['voxels']
    features = detector.extract_feat({'voxels': voxels})
    assert features.shape == (len(voxels['coors']), 96) and features.std() > 0
    # the adapter is given [view, z, y, x], the segmentor [x, y, z, batch]
    ours = dict(voxels=voxels['voxels'], coors=voxels['coors'][:, [3, 2, 1, 0]])
    stage = teacher.decode(ours, torch.zeros(3, dtype=torch.int32), 1)[-1]
    assert torch.equal(stage.features, features)
    assert not torch.equal(segmentor().eval().extract_feat({'voxels': voxels}), features)


def test_init_cfg_of_the_segmentor_and_of_its_backbone(exported, pretrained):
    whole = segmentor(init_cfg=dict(type='Pretrained', checkpoint=str(exported)))
    whole.init_weights()
    assert_same_tensors(whole.backbone, pretrained.teacher.backbone.backbone)
    config = Config.fromfile(CONFIGS / 'segmentation/spvcnn_semantickitti.py').model
    config.backbone.init_cfg = dict(type='Pretrained', checkpoint=str(exported), prefix='backbone.')
    part = MODELS.build(config)
    part.init_weights()
    assert_same_tensors(part.backbone, pretrained.teacher.backbone.backbone)


def test_a_config_of_other_columns_is_refused(checkpoint, tmp_path):
    content = torch.load(checkpoint, weights_only=True)
    content['meta']['cfg'] = content['meta']['cfg'].replace("'intensity 0-1',", "'intensity 0-1', 'ring',")
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='first kernel takes 4 channels, its config names 5'):
        export_backbone(tmp_path / 'x.pth', tmp_path / 'out.pth')
