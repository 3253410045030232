"""Linear probe of a Point Transformer V3 on Waymo (22 classes): all stages up-cast and concatenated, one linear layer.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_linear_probe_waymo.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_waymo.py with --cfg-options mask_ratio=0.7)
           (without load_from: what a random encoder gives)
Hardware:  8 GPUs, 2 frames each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = './ptv3_finetune_waymo.py'

model = dict(frozen='backbone', backbone=dict(decoder=None))
optim_wrapper = dict(_delete_=True, **_base_.linear_probe.optim_wrapper)
param_scheduler = _base_.linear_probe.param_scheduler
