"""Full fine-tuning of a Point Transformer V3 on ScanNet200: encoder, decoder and head.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_finetune_scannet200.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = ['_base_/scannet200.py', '../ptv3/_base_sizes.py']

voxel_size = [0.02, 0.02, 0.02]

model = dict(
    type='PTv3Segmentor',
    backbone={
        **_base_.ptv3.small,
        'in_channels': len(_base_.input_channels),
        'input_scale': _base_.ptv3_indoor_scale,
        'decoder': _base_.ptv3_decoders.small,
    },
    decode_head=dict(type='PointHead', num_classes=_base_.num_classes, ignore_index=_base_.num_classes),
    voxel_size=voxel_size,
    data_preprocessor=dict(type='Det3DDataPreprocessor'),
)
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
