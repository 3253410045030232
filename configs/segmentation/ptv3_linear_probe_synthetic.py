"""Linear probe of a tiny Point Transformer V3 on the embedded set: all stages up-cast, one linear layer.

Command:   python tools/train.py configs/segmentation/ptv3_linear_probe_synthetic.py
           with --cfg-options load_from=EXPORTED, from tools/export_backbone.py CKPT EXPORTED --for segmentation
           (CKPT of configs/dos/dos_ptv3_synthetic.py with --cfg-options train_dataloader.dataset.num_sweeps=1)
           (without load_from: what a random encoder gives)
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = './ptv3_finetune_synthetic.py'

model = dict(frozen='backbone', backbone=dict(decoder=None))
optim_wrapper = dict(_delete_=True, **_base_.linear_probe.optim_wrapper)
param_scheduler = _base_.linear_probe.param_scheduler
