"""How a pretrained Point Transformer V3 is judged indoors: optimiser and schedule of each protocol, over 800 epochs.

Sonata's for its linear probe (docs/method.md, A19): 24 scans a step, each scan 800 times. The decoder probe takes the
same; the layer decay of fine-tuning is that of protocols.py.
"""

max_epochs = 800
_rate = 2e-3
_optimizer = dict(type='AdamW', lr=_rate, weight_decay=0.02)
_one_cycle = [
    dict(
        type='OneCycleLR',
        eta_max=_rate,
        total_steps=max_epochs,
        end=max_epochs,
        pct_start=0.05,
        div_factor=10,
        final_div_factor=1000,
        convert_to_iter_based=True,
    )
]
linear_probe = dict(optim_wrapper=dict(type='OptimWrapper', optimizer=_optimizer), param_scheduler=_one_cycle)
decoder_probe = linear_probe
finetune = dict(
    optim_wrapper=dict(
        type='OptimWrapper',
        constructor='PTv3LayerDecay',
        paramwise_cfg=dict(layer_decay=0.8),
        optimizer=_optimizer,
        clip_grad=dict(max_norm=3.0),
    ),
    # not OneCycleLR, which gives all layers one rate
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.1, end=40, convert_to_iter_based=True),
        dict(
            type='CosineAnnealingLR',
            eta_min_ratio=1e-3,
            begin=40,
            end=max_epochs,
            T_max=max_epochs - 40,
            convert_to_iter_based=True,
        ),
    ],
)
