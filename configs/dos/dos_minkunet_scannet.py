"""DOS pretraining of mmdet3d's MinkUNet-34 (width 32, voxel 0.02 m, loss voxels 0.08 m) on ScanNet's scans.

Command:   bash tools/dist_train.sh configs/dos/dos_minkunet_scannet.py 8
           then tools/export_backbone.py, for configs/segmentation/minkunet_scannet.py and minkunet_scannet200.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".

Data:      data/scannet, see docs/data/scannet.md; labels are not read.
"""

_base_ = ['dos_second_nuscenes.py', '../minkunet/_base_sizes.py']

data_root = 'data/scannet/'
splits = ['train']  # val is what results are reported on
input_channels = [
    'x [m]', 'y [m]', 'z [m]', 'red 0-1', 'green 0-1', 'blue 0-1', 'normal x', 'normal y', 'normal z'
]  # fmt: skip
# a scan's middle is at x = y = 0, its lowest point at z = 0: holds rooms 28 m across, however they are turned
point_cloud_range = [-20.48, -20.48, -2.56, 20.48, 20.48, 7.68]
voxel_size = [0.02, 0.02, 0.02]
loss_stride = 4
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"
block_size_m = 0.4
max_iters = 10000  # 200 passes over 1201 scans in batches of 24

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
        type='ScanNetScans',
        data_root=data_root,
        splits=splits,
        pipeline=[
            dict(
                type='TwoViews',
                crop_share=(0.4, 1.0),
                max_points=65536,
                jitter_std_m=0.005,
                jitter_clip_m=0.02,
                intensity_column=None,
                normal_columns=(6, 7, 8),
                elastic=((0.2, 0.4), (0.8, 1.6)),
                colour=dict(columns=(3, 4, 5)),
            ),
            {**_mask, 'mask_ratio': mask_ratio, 'block_size_m': block_size_m},
            _pack,
        ],
    )
)
optim_wrapper = dict(clip_grad=dict(max_norm=3.0))
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
