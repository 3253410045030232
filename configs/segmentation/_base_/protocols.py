"""How a pretrained Point Transformer V3 is judged: optimiser and schedule of each protocol, over 50 epochs.

Rates of the probes: Utonia's outdoor ones (docs/method.md, A19), for 64 scans a step there; fine-tuning is ours.
"""

max_epochs = 50
_one_cycle = dict(
    type='OneCycleLR',
    total_steps=max_epochs,
    end=max_epochs,
    pct_start=0.04,
    div_factor=10,
    final_div_factor=100,
    convert_to_iter_based=True,
)
linear_probe = dict(
    optim_wrapper=dict(type='BFloat16OptimWrapper', optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.005)),
    param_scheduler=[{**_one_cycle, 'eta_max': 2e-3}],
)
decoder_probe = dict(
    optim_wrapper=dict(type='BFloat16OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05)),
    param_scheduler=[{**_one_cycle, 'eta_max': 1e-3}],
)
finetune = dict(
    optim_wrapper=dict(
        type='BFloat16OptimWrapper',
        constructor='LayerDecay',
        paramwise_cfg=dict(layer_decay=0.8),
        optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
        clip_grad=dict(max_norm=1.0),
    ),
    # not OneCycleLR, which gives all layers one rate
    param_scheduler=[
        dict(type='LinearLR', start_factor=0.1, end=2, convert_to_iter_based=True),
        dict(
            type='CosineAnnealingLR',
            eta_min_ratio=1e-3,
            begin=2,
            end=max_epochs,
            T_max=max_epochs - 2,
            convert_to_iter_based=True,
        ),
    ],
)
