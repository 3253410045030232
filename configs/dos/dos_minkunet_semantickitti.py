"""DOS pretraining of mmdet3d's MinkUNet-34 (width 32, voxel 0.05 m, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_semantickitti.py 8
           then tools/export_backbone.py, and load_from of mmdet3d's minkunet34_w32_spconv_*_semantickitti.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Data:      data/semantickitti/sequences/XX/velodyne, see docs/data/semantickitti.md; labels are not read.
           with fewer: --cfg-options sequences=[0,1]; 11 to 21, the test split, may be added.
"""

_base_ = ['dos_second_nuscenes.py', '../minkunet/_base_sizes.py']

data_root = 'data/semantickitti/'
sequences = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10]  # the training split; 08 is validation
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = [-100, -100, -20, 100, 100, 20]
voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"
max_iters = 39900  # 50 passes over 19 130 scans in batches of 24

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
model = dict(
    backbone=dict(
        _delete_=True,
        type='MinkUNetAdapter',
        backbone={**_base_.minkunet.w32_34, 'in_channels': len(input_channels)},
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(
        voxel_type='minkunet',
        voxel_layer=dict(
            max_num_points=-1,
            point_cloud_range=point_cloud_range,
            voxel_size=voxel_size,
            max_voxels=(-1, -1),
        ),
    ),
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SemanticKittiSweeps',
        data_root=data_root,
        sequences=sequences,
        pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack],
    )
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
