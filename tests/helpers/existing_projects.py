"""Files of projects that use mmdet3d and were there before this package: the text of their configs and scripts."""

import pickle
from pathlib import Path

import numpy as np

# All that a GPU user does not need: the projects run here without one, and two of them without our repairs.
CPU_ONLY = """
import torch
from spconv.pytorch import ops

ops.get_current_stream = lambda: 0  # spconv 2.3.8's CPU backward asks for a CUDA stream
torch.Tensor.cuda = lambda self, *args, **kwargs: self  # mmdet3d 1.4's MinkUNet voxels call .cuda()
"""
TRAIN = """
import sys

import cpu_only
import torch
from mmengine.config import Config
from mmengine.runner import Runner

for name in sys.argv[1:]:
    cfg = Config.fromfile(f'{name}.py')
    cfg.work_dir, cfg.experiment_name = name, name
    model = Runner.from_cfg(cfg).train()
    torch.save(model.state_dict(), f'{name}.pth')
print('dos_mm3d is', 'imported' if 'dos_mm3d' in sys.modules else 'absent')
"""
# Two steps so small that the weights can still be recognised afterwards.
SHORT = """
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=2)
val_cfg = val_dataloader = val_evaluator = test_cfg = test_dataloader = test_evaluator = None
optim_wrapper = dict(_delete_=True, type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-6, weight_decay=0.0))
param_scheduler = []
default_hooks = dict(checkpoint=None)
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(enable=False, base_batch_size=1)
"""
DETECTION_DATA = """
_dataset = _base_.train_dataloader.dataset.dataset
# mmdet3d's ObjectSample needs another numpy; one sweep is faster than ten
_steps = [step for step in _base_.train_pipeline if step['type'] not in ('ObjectSample', 'LoadPointsFromMultiSweeps')]
train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False,
    dataset=dict(**{{**_dataset, 'data_root': r'{data_root}', 'pipeline': _steps, '_delete_': True}}))
"""
# mmdet3d's own models; the grid is coarser, so that a CPU steps them, which changes no parameter
SPARSE_ENCODER = """
_base_ = 'mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
voxel_size = [0.4, 0.4, 0.2]
model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    pts_middle_encoder=dict(sparse_shape=[41, 256, 256]),
    train_cfg=dict(pts=dict(grid_size=[256, 256, 40], voxel_size=voxel_size)))
"""
PILLARS = """
_base_ = 'mmdet3d::centerpoint/centerpoint_pillar02_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
point_cloud_range = [-12.8, -12.8, -5.0, 12.8, 12.8, 3.0]
model = dict(
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range)),
    pts_voxel_encoder=dict(point_cloud_range=point_cloud_range),
    pts_middle_encoder=dict(output_shape=(128, 128)),
    train_cfg=dict(pts=dict(grid_size=[128, 128, 1], point_cloud_range=point_cloud_range)))
"""
MINKUNET = """
_base_ = 'mmdet3d::minkunet/minkunet34_w32_spconv_8xb2-laser-polar-mix-3x_semantickitti.py'
_steps = [step for step in _base_.train_pipeline if step['type'] != 'RandomChoice']
model = dict(backbone=dict())
train_dataloader = dict(
    batch_size=1, num_workers=0, persistent_workers=False,
    dataset=dict(data_root=r'{data_root}', pipeline=_steps))
"""
# One line of ours: PTv3 is no model of mmdet3d. The grid is again coarser than that of pretraining, for the CPU.
PTV3 = """
_base_ = 'mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
custom_imports = dict(imports=['dos_mm3d'])
voxel_size = [0.4, 0.4, 0.4]
model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
    pts_middle_encoder=dict(
        _delete_=True,
        type='PTv3MiddleEncoder',
        ptv3=dict(
            type='PTv3',
            in_channels=5,
            input_scale=[1 / 50, 1 / 50, 1 / 5, 1 / 255, 2.0],
            encoder=dict(channels=[16, 32, 64, 128], depths=[1, 1, 2, 1], heads=[1, 2, 4, 8], patch_sizes=256),
            decoder=dict(channels=[32, 32, 64], depths=[0, 0, 0], heads=[2, 2, 4])),
        point_cloud_range=_base_.point_cloud_range,
        voxel_size=voxel_size,
        map_stride=4),
    pts_backbone=dict(in_channels=32, out_channels=[16, 16], layer_strides=[2, 2]),
    pts_neck=dict(in_channels=[16, 16], out_channels=[16, 16]),
    pts_bbox_head=dict(in_channels=32),
    train_cfg=dict(pts=dict(grid_size=[256, 256, 20], voxel_size=voxel_size)))
"""
LOAD_FROM = """
load_from = r'{weights}'
"""


def init_cfg(path: str, weights: Path, prefix: str | None) -> str:
    """Config text that lets the module at a dotted ``path`` of the model load the file when it is built."""
    value = f"dict(type='Pretrained', checkpoint=r'{weights}'" + (f", prefix='{prefix}')" if prefix else ')')
    return f"\n_entry = {value}\nmodel{''.join(f'[{key!r}]' for key in path.split('.') if key)}['init_cfg'] = _entry\n"


def write_semantickitti(root: Path) -> Path:
    """Two small scans in the layout of mmdet3d's converter."""
    (root / 'sequences').mkdir(parents=True)
    frames = []
    for number in range(2):
        random = np.random.default_rng(number)
        points = random.uniform((-8, -8, -2, 0), (8, 8, 1, 1), (1500, 4)).astype(np.float32)
        points.tofile(root / f'sequences/{number}.bin')
        random.choice([10, 40, 70], len(points)).astype(np.int32).tofile(root / f'sequences/{number}.label')
        frames.append(
            dict(
                sample_idx=number,
                lidar_points=dict(num_pts_feats=4, lidar_path=f'sequences/{number}.bin'),
                pts_semantic_mask_path=f'sequences/{number}.label',
            )
        )
    info = dict(metainfo=dict(DATASET='SemanticKITTI'), data_list=frames)
    (root / 'semantickitti_infos_train.pkl').write_bytes(pickle.dumps(info))
    return root
