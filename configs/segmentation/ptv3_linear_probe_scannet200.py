"""Linear probe of a Point Transformer V3 on ScanNet200: all stages up-cast and concatenated, one linear layer.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_linear_probe_scannet200.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (without load_from: what a random encoder gives)
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = './ptv3_finetune_scannet200.py'

model = dict(frozen='backbone', backbone=dict(decoder=None))
optim_wrapper = dict(_delete_=True, **_base_.linear_probe.optim_wrapper)
param_scheduler = _base_.linear_probe.param_scheduler
