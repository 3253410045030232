"""AsymDSD by size and form: models to inherit and to pick from, `{**_base_.asymdsd.small, 'koleo_weight': 0.0}`.

Small and base are those of the public code (docs/objects.md, "Network"); tiny is for one CPU core. Numbers are the
parameters of encoder and patch embedding, and of the whole student.
"""

_heads = dict(hidden_channels=1024, bottleneck_channels=256, num_categories=4096)
# 10 of 300 epochs
_patch = dict(
    head=dict(type='CategoryHead', **_heads),
    targets=dict(type='CentredTargets', temperature=(0.05, 0.07), warmup_share=1 / 30, centre_momentum=0.9),
)
_cls = dict(
    head=dict(type='CategoryHead', **_heads),
    targets=dict(type='CentredTargets', temperature=(0.04, 0.07), warmup_share=1 / 30, centre_momentum=0.9),
)
_small = dict(
    type='AsymDSD',
    encoder=dict(type='PatchEncoder', channels=384, depth=12, heads=6, embedding=dict(type='PatchEmbedding')),
    data_preprocessor=dict(type='PatchPreprocessor'),
    student_temperature=0.1,
)
_small_predictor = dict(type='PatchPredictor', channels=192, depth=6, heads=3)
_base = dict(
    type='AsymDSD',
    encoder=dict(
        type='PatchEncoder',
        channels=768,
        depth=12,
        heads=12,
        drop_path=0.2,
        embedding=dict(type='DeepPatchEmbedding', first_channels=(256, 512, 1024), second_channels=(2048,)),
    ),
    data_preprocessor=dict(type='PatchPreprocessor'),
    student_temperature=0.1,
)
_base_predictor = dict(type='PatchPredictor', channels=384, depth=6, heads=6)
# hundreds of steps: temperatures that stay low, and a warm-up (asymdsd_tiny_synthetic.py) in which the centres are
# found before features move. With the long runs' shares of both, targets stayed uniform (docs/objects.md)
_tiny_heads = dict(hidden_channels=256, bottleneck_channels=64, num_categories=512)
_tiny_targets = dict(temperature=(0.04, 0.04))
_tiny_patch = dict(head={**_patch['head'], **_tiny_heads}, targets={**_patch['targets'], **_tiny_targets})
_tiny_cls = dict(head={**_cls['head'], **_tiny_heads}, targets={**_cls['targets'], **_tiny_targets})
_tiny = dict(
    type='AsymDSD',
    encoder=dict(
        type='PatchEncoder',
        channels=96,
        depth=4,
        heads=3,
        embedding=dict(type='PatchEmbedding', hidden_channels=(32, 64, 128)),
    ),
    data_preprocessor=dict(type='PatchPreprocessor'),
    student_temperature=0.1,
)
_tiny_predictor = dict(type='PatchPredictor', channels=48, depth=2, heads=3)

asymdsd = dict(
    # 21.8 M, 30.1 M
    small=dict(**_small, patch=_patch, cls=_cls, predictor=_small_predictor, koleo_weight=0.01),
    small_mpm=dict(**_small, patch=_patch, predictor=_small_predictor, regression_weight=1.0),
    small_cls=dict(**_small, cls=_cls, koleo_weight=0.01),
    # 91.5 M, 109.0 M
    base=dict(**_base, patch=_patch, cls=_cls, predictor=_base_predictor, koleo_weight=0.01),
    base_mpm=dict(**_base, patch=_patch, predictor=_base_predictor, regression_weight=1.0),
    base_cls=dict(**_base, cls=_cls, koleo_weight=0.01),
    tiny=dict(**_tiny, patch=_tiny_patch, cls=_tiny_cls, predictor=_tiny_predictor, koleo_weight=0.01),
    tiny_mpm=dict(**_tiny, patch=_tiny_patch, predictor=_tiny_predictor, regression_weight=1.0),
    tiny_cls=dict(**_tiny, cls=_tiny_cls, koleo_weight=0.01),
)
