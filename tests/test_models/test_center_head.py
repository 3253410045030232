"""CenterPoint's head on boxes without velocity: mmdet3d's own in all but the two columns that are not there."""

import copy

import pytest
import torch
from mmdet3d.registry import MODELS
from mmdet3d.structures import LiDARInstance3DBoxes
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData
from torch.testing import assert_close

import dos_mm3d  # noqa: F401  (registers our classes)

RANGE = [-12.8, -12.8, -2.0, 12.8, 12.8, 4.0]
PLACES = dict(voxel_size=[0.2, 0.2], pc_range=RANGE[:2], out_size_factor=4)
HEAD = dict(
    type='CenterHead',
    in_channels=8,
    tasks=[dict(num_class=2, class_names=['Car', 'Pedestrian']), dict(num_class=1, class_names=['Cyclist'])],
    common_heads=dict(reg=(2, 2), height=(1, 2), dim=(3, 2), rot=(2, 2), vel=(2, 2)),
    share_conv_channel=8,
    bbox_coder=dict(
        type='CenterPointBBoxCoder', post_center_range=[-20, -20, -9, 20, 20, 9], max_num=20, code_size=9, **PLACES
    ),
    separate_head=dict(type='SeparateHead', init_bias=-2.19, final_kernel=3),
    loss_cls=dict(type='mmdet.GaussianFocalLoss', reduction='mean'),
    loss_bbox=dict(type='mmdet.L1Loss', reduction='mean', loss_weight=0.25),
    train_cfg=dict(
        grid_size=[128, 128, 30],
        voxel_size=[0.2, 0.2, 0.2],
        point_cloud_range=RANGE,
        out_size_factor=4,
        dense_reg=1,
        gaussian_overlap=0.1,
        max_objs=50,
        min_radius=2,
        code_weights=[1.0] * 8 + [0.2, 0.2],
    ),
    test_cfg=dict(
        max_per_img=20,
        score_threshold=0.1,
        post_center_limit_range=[-20, -20, -9, 20, 20, 9],
        nms_type='rotate',
        pre_max_size=100,
        post_max_size=20,
        nms_thr=0.2,
    ),
)


def head(*, velocity: bool) -> torch.nn.Module:
    """mmdet3d's head, or ours with the same weights in what both have."""
    torch.manual_seed(0)
    config = copy.deepcopy(HEAD)
    config['train_cfg'], config['test_cfg'] = ConfigDict(config['train_cfg']), ConfigDict(config['test_cfg'])
    theirs = MODELS.build(ConfigDict(config))
    if velocity:
        return theirs
    config = copy.deepcopy(HEAD) | dict(type='CenterHeadWithoutVelocity')
    config['train_cfg'], config['test_cfg'] = ConfigDict(config['train_cfg']), ConfigDict(config['test_cfg'])
    config['common_heads'].pop('vel')
    config['bbox_coder']['code_size'] = 7
    ours = MODELS.build(ConfigDict(config))
    ours.load_state_dict({name: value for name, value in theirs.state_dict().items() if '.vel.' not in name})
    return ours


def scene(columns: int, n_boxes: int = 6) -> InstanceData:
    """Boxes at different places; columns beyond the seventh are velocities."""
    generator = torch.Generator().manual_seed(1)
    boxes = torch.rand(n_boxes, 7, generator=generator)
    boxes[:, :2] = boxes[:, :2] * 20 - 10
    boxes[:, 3:6] = boxes[:, 3:6] * 3 + 0.5
    boxes = torch.nn.functional.pad(boxes, (0, columns - 7), value=3.0)
    labels = torch.arange(n_boxes) % 3
    return InstanceData(bboxes_3d=LiDARInstance3DBoxes(boxes, box_dim=columns), labels_3d=labels)


def feature_map() -> list[torch.Tensor]:
    return [torch.randn(2, 8, 32, 32, generator=torch.Generator().manual_seed(2))]


def test_losses_are_mmdet3ds_where_it_leaves_the_velocity_out():
    ours, theirs = head(velocity=False), head(velocity=True)
    theirs.train_cfg.code_weights = [1.0] * 8 + [0.0, 0.0]
    wanted = theirs.loss_by_feat(theirs(feature_map()), [scene(9), scene(9, 3)])
    found = ours.loss_by_feat(ours(feature_map()), [scene(7), scene(7, 3)])
    assert set(found) == set(wanted) == {f'task{i}.loss_{kind}' for i in range(2) for kind in ('heatmap', 'bbox')}
    for name, value in wanted.items():
        assert value > 0
        assert_close(found[name], value)


def test_mmdet3ds_head_cannot_take_such_boxes():
    """The reason for this head; when this fails, it can go."""
    theirs = head(velocity=True)
    with pytest.raises(ValueError, match='not enough values to unpack'):
        theirs.loss_by_feat(theirs(feature_map()), [scene(7), scene(7)])


def test_every_parameter_is_trained_and_an_empty_scene_too():
    ours = head(velocity=False)
    losses = ours.loss_by_feat(ours(feature_map()), [scene(7), scene(7, 0)])
    sum(losses.values()).backward()
    idle = [name for name, parameter in ours.named_parameters() if parameter.grad is None]
    assert idle == []


@torch.no_grad()
def test_predictions_have_seven_numbers_and_are_mmdet3ds():
    ours, theirs = head(velocity=False).eval(), head(velocity=True).eval()
    meta = [dict(box_type_3d=LiDARInstance3DBoxes)] * 2
    found, wanted = (net.predict_by_feat(net(feature_map()), meta) for net in (ours, theirs))
    for one, other in zip(found, wanted, strict=True):
        assert len(one.bboxes_3d) > 0
        assert one.bboxes_3d.tensor.shape[1] == 7
        assert_close(one.bboxes_3d.tensor, other.bboxes_3d.tensor[:, :7])
        assert_close(one.scores_3d, other.scores_3d)
