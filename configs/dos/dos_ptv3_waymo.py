"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m) on Waymo's frames.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_waymo.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_ptv3_waymo_dos.py
           for segmentation: --cfg-options mask_ratio=0.7, then tools/export_backbone.py CKPT OUT --for segmentation
Hardware:  8 GPUs, 3 frames each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Backbone and head".

Data, range and channels are those of dos_second_waymo.py.
"""

_base_ = ['dos_second_waymo.py', '../ptv3/_base_sizes.py']

voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4
mask_ratio = 0.6
input_scale = [*_base_.ptv3_lidar_scale[:3], 1.0, 1.0]

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
model = dict(
    backbone=dict(
        _delete_=True,
        type='PTv3Backbone',
        voxel_encoder=_base_.model.backbone.voxel_encoder,
        ptv3={
            **_base_.ptv3.small,
            'in_channels': len(_base_.input_channels),
            'input_scale': input_scale,
            'block': dict(drop_path=0.3),
        },
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
