"""Full fine-tuning of a Point Transformer V3 on nuScenes lidarseg: encoder, decoder and head.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_finetune_nuscenes.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_segmentation_nuscenes.py)
Hardware:  8 GPUs, 2 key frames each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = ['_base_/nuscenes.py', '../ptv3/_base_sizes.py']

voxel_size = [0.05, 0.05, 0.05]

model = dict(
    type='PTv3Segmentor',
    backbone={
        **_base_.ptv3.small,
        'in_channels': len(_base_.input_channels),
        'input_scale': _base_.ptv3_lidar_scale,
        'decoder': _base_.ptv3_decoders.small,
    },
    decode_head=dict(type='PointHead', num_classes=_base_.num_classes, ignore_index=_base_.num_classes),
    voxel_size=voxel_size,
    data_preprocessor=dict(type='Det3DDataPreprocessor'),
)
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
