"""Full fine-tuning of a tiny Point Transformer V3 on the embedded set: encoder, decoder and head.

Command:   python tools/train.py configs/segmentation/ptv3_finetune_synthetic.py
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_synthetic.py with --cfg-options train_dataloader.dataset.num_sweeps=1)
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = ['_base_/synthetic.py', '../ptv3/_base_sizes.py']

voxel_size = [0.2, 0.2, 0.2]

model = dict(
    type='PTv3Segmentor',
    backbone={
        **_base_.ptv3.tiny,
        'in_channels': len(_base_.input_channels),
        'input_scale': _base_.ptv3_lidar_scale,
        'decoder': _base_.ptv3_decoders.tiny,
    },
    decode_head=dict(type='PointHead', num_classes=_base_.num_classes, ignore_index=_base_.num_classes),
    voxel_size=voxel_size,
    data_preprocessor=dict(type='Det3DDataPreprocessor'),
)
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
