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

_base_ = ['../_base_/joint.py', '../_base_/backbones/second.py']

input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1', 'time lag [s]']
extra_channels = ['time lag [s]']
num_sweeps = 10  # of nuScenes
# 56 cells in z, so that the layers without padding, which halve them last, lose none
point_cloud_range = [-76.8, -76.8, -5.0, 76.8, 76.8, 6.2]

_range = point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], _base_.voxel_size)]
model = dict(
    **_base_.dos,
    # SparseEncoder wants z, y, x and one cell of head room in z
    backbone=dict(middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]])),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range, voxel_size=_base_.voxel_size)),
)
train_dataloader = dict(
    dataset=dict(members=dict(nuscenes=dict(dataset=dict(num_sweeps=num_sweeps))), extra_channels=extra_channels)
)
