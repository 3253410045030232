"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m, 10 sweeps) on real nuScenes.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_nuscenes.py 8
           half precision: --cfg-options optim_wrapper.type=AmpOptimWrapper optim_wrapper.dtype=bfloat16
           with flash-attn installed: model.backbone.ptv3.block.attention=flash_attn
           less memory, more time: model.backbone.ptv3.recompute_blocks=True
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Backbone and head".
"""

_base_ = ['dos_second_nuscenes.py', '../ptv3/_base_sizes.py']

voxel_size = [0.05, 0.05, 0.05]
loss_stride = 4

model = dict(
    backbone=dict(
        _delete_=True,
        type='PTv3Backbone',
        voxel_encoder=_base_.model.backbone.voxel_encoder,
        ptv3={
            **_base_.ptv3.small,
            'in_channels': len(_base_.input_channels),
            'input_scale': _base_.ptv3_lidar_scale,
            'block': dict(drop_path=0.3),
        },
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(voxel_layer=dict(voxel_size=voxel_size)),
)
