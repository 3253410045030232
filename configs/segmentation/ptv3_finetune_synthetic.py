"""Full fine-tuning of a tiny Point Transformer V3 on the embedded set: encoder, decoder and head.

Command:   python tools/train.py configs/segmentation/ptv3_finetune_synthetic.py
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_synthetic.py with --cfg-options train_dataloader.dataset.num_sweeps=1)
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = ['_base_/synthetic.py', '_base_/ptv3.py']

voxel_size = [0.2, 0.2, 0.2]

model = dict(
    backbone=dict(**{**_base_.ptv3.tiny, 'decoder': _base_.ptv3_decoders.tiny}, **_base_.ptv3_input, _delete_=True),
    decode_head=_base_.classes,
    voxel_size=voxel_size,
)
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
