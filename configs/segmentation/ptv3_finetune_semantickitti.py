"""Full fine-tuning of a Point Transformer V3 on SemanticKITTI: encoder, decoder and head.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_finetune_semantickitti.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
Hardware:  8 GPUs, 2 scans each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = ['_base_/semantickitti.py', '_base_/ptv3.py']

voxel_size = [0.05, 0.05, 0.05]

model = dict(backbone=_base_.ptv3_input, decode_head=_base_.classes, voxel_size=voxel_size)
optim_wrapper = _base_.finetune.optim_wrapper
param_scheduler = _base_.finetune.param_scheduler
