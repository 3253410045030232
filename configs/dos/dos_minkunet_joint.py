"""DOS pretraining of mmdet3d's MinkUNet-34 (width 32, voxel 0.05 m, loss voxels 0.2 m) on nuScenes, Waymo and
SemanticKITTI together.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_joint.py 8
           then tools/export_backbone.py, and load_from of mmdet3d's minkunet34_w32_spconv_*_semantickitti.py
Data:      nuscenes_root, waymo_root, semantickitti_root, see docs/joint_pretraining.md; with fewer sets:
           --cfg-options members=[nuscenes,semantickitti], other shares: weights=[1,1,1]
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Grid, channels and mask are those of dos_minkunet_semantickitti.py; single sweeps of every set.
"""

_base_ = ['dos_minkunet_semantickitti.py', '../_base_/joint.py']

data_root = None  # a root for each set
sequences = None  # semantickitti_sequences
max_iters = 85560  # 10 passes over 205 341 frames in batches of 24

train_dataloader = dict(
    dataset=dict(_delete_=True, **_base_.joint, pipeline=_base_.train_dataloader.dataset.pipeline),
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
custom_hooks = [*_base_.custom_hooks, dict(type='MemberSharesHook')]
