"""How a pretrained Point Transformer V3 is judged indoors: optimiser and schedule of each protocol, over 800 epochs.

Sonata's for its linear probe (docs/method.md, A19): 24 scans a step, each scan 800 times. The decoder probe takes the
same; the layer decay of fine-tuning is that of protocols.py.
"""

_base_ = './protocols.py'

max_epochs = 800
warmup_epochs = 40
rate = 2e-3

_lengths = dict(total_steps=max_epochs, end=max_epochs)
_one_cycle = [
    {**_base_.linear_probe.param_scheduler[0], **_lengths, 'eta_max': rate, 'pct_start': 0.05, 'final_div_factor': 1000}
]
_wrapper = dict(optimizer=dict(lr=rate, weight_decay=0.02))
linear_probe = dict(optim_wrapper=_wrapper, param_scheduler=_one_cycle)
decoder_probe = linear_probe
_warmup, _fall = _base_.finetune.param_scheduler
finetune = dict(
    optim_wrapper=dict(**_wrapper, clip_grad=dict(max_norm=3.0)),
    param_scheduler=[
        {**_warmup, 'end': warmup_epochs},
        {**_fall, 'begin': warmup_epochs, 'end': max_epochs, 'T_max': max_epochs - warmup_epochs},
    ],
)
