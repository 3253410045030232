"""Decoder probe of a Point Transformer V3 on Waymo (22 classes): the encoder is frozen, decoder and head are trained.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_decoder_probe_waymo.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_waymo.py with --cfg-options mask_ratio=0.7)
Hardware:  8 GPUs, 2 frames each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = './ptv3_finetune_waymo.py'

model = dict(frozen='encoder')
optim_wrapper = dict(_delete_=True, **_base_.decoder_probe.optim_wrapper)
param_scheduler = _base_.decoder_probe.param_scheduler
