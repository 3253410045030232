"""The ablation ladder: which configs are compared, in which order (docs/method.md, "What the paper reports").

Command:   python tools/ablate.py configs/ablations/ladder.py [--seeds 3] [--steps N] [--out DIR]
Hardware:  2 CPU cores, no GPU.
Expected:  docs/results/ladder_test.json: 300 steps, three seeds.

Every row and every option is a config of its own. `above` names the row that it is compared with; None: with none.
`options` are single changes of the method's own row.
"""

_rows = [
    ('naive', 'masked self-distillation, mask tokens'),
    ('token_jitter', '+ position jitter of the tokens'),
    ('clustering', 'observable points only, clustering'),
    ('regression', 'observable points only, feature regression'),
    ('softmap', 'softmap without Sinkhorn'),
    ('softmap_uniform', 'softmap, uniform Sinkhorn (alpha 0)'),
    ('zipf_1p0', 'softmap, Zipf alpha 1.0'),
    ('zipf_1p3', 'softmap, Zipf alpha 1.3'),
    ('zipf_1p6', 'softmap, Zipf alpha 1.6'),
    ('zipf_2p0', 'softmap, Zipf alpha 2.0'),
    ('zipf_3p0', 'softmap, Zipf alpha 3.0'),
    ('zipf_auto', "softmap, Zipf alpha 'auto'"),
]
_options = [
    ('ema_prototypes', 'teacher prototypes: moving average'),
    ('local_views', 'with local views'),
    ('mask_ramp', 'with a mask ramp'),
    ('no_cross_view', 'without the cross-view term'),
    ('mask_ratio_50', 'mask ratio 0.5'),
    ('mask_ratio_70', 'mask ratio 0.7'),
    ('mask_ratio_80', 'mask ratio 0.8'),
    ('block_0p5m', 'mask blocks of 0.5 m'),
    ('block_2m', 'mask blocks of 2 m'),
]
# the paper compares regression and softmap with clustering; every other row is compared with the one before it
_above = dict(softmap='clustering')

rows = [
    dict(
        name=_name,
        config=f'configs/ablations/{_name}.py',
        title=_title,
        above=_above.get(_name, _rows[_row - 1][0] if _row else None),
    )
    for _row, (_name, _title) in enumerate(_rows)
]
options = [
    dict(name=_name, config=f'configs/ablations/{_name}.py', title=_title, above='zipf_1p3')
    for _name, _title in _options
]
