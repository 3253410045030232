"""Decoder probe of a Point Transformer V3 on nuScenes lidarseg: the encoder is frozen, decoder and head are trained.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_decoder_probe_nuscenes.py 8
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_segmentation_nuscenes.py)
Hardware:  8 GPUs, 2 key frames each; with fewer, add --auto-scale-lr.
Expected:  not run.
"""

_base_ = './ptv3_finetune_nuscenes.py'

model = dict(frozen='encoder')
optim_wrapper = dict(_delete_=True, **_base_.decoder_probe.optim_wrapper)
param_scheduler = _base_.decoder_probe.param_scheduler
