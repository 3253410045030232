"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 m) on nuScenes, Waymo and SemanticKITTI together.

Command:   bash tools/dist_train.sh configs/dos/dos_second_joint.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel01_nuscenes_joint.py
Data:      nuscenes_root, waymo_root, semantickitti_root, see docs/joint_pretraining.md; with fewer sets:
           --cfg-options members=[nuscenes,semantickitti], other shares: weights=[1,1,1]
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Ten sweeps of nuScenes, single ones of the others, whose time lag is 0. For detection, hence 60 % hidden. The grid holds
the ranges of all three: Waymo's points count from the ground, the others' from a sensor 1.8 m above it.
"""

_base_ = ['dos_second_nuscenes.py', '../_base_/joint.py']

data_root = None  # a root for each set
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1', 'time lag [s]']
extra_channels = ['time lag [s]']
# 56 cells in z, so that the layers without padding, which halve them last, lose none
point_cloud_range = [-76.8, -76.8, -5.0, 76.8, 76.8, 6.2]
max_iters = 85560  # 10 passes over 205 341 frames in batches of 24

_cells = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / _base_.voxel_size[axis]) for axis in range(3)]
model = dict(
    # SparseEncoder wants z, y, x and one cell of head room in z
    backbone=dict(middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range)),
)
_members = _base_.joint.members
_nuscenes = {**_members.nuscenes, 'dataset': {**_members.nuscenes.dataset, 'num_sweeps': _base_.sweeps_num + 1}}
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        **{**_base_.joint, 'members': {**_members, 'nuscenes': _nuscenes}},
        extra_channels=extra_channels,
        pipeline=_base_.train_dataloader.dataset.pipeline,
    )
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
custom_hooks = [*_base_.custom_hooks, dict(type='MemberSharesHook')]
