"""Decoder probe of a tiny Point Transformer V3 on the embedded set: encoder frozen, decoder and head trained.

Command:   python tools/train.py configs/segmentation/ptv3_decoder_probe_synthetic.py
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_synthetic.py with --cfg-options train_dataloader.dataset.num_sweeps=1)
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = './ptv3_finetune_synthetic.py'

model = dict(frozen='encoder')
optim_wrapper = dict(_delete_=True, **_base_.decoder_probe.optim_wrapper)
param_scheduler = _base_.decoder_probe.param_scheduler
