"""Point Transformer V3 by size: a table to inherit and to pick from, `{**_base_.ptv3.small, 'in_channels': 5}`.

Encoders, variant m2 unless said; parameters without the decoder. `ptv3_decoders` has what is added downstream.
Sources: docs/ptv3.md, "Variants"; tiny is ours, for two CPU cores.
"""

ptv3 = dict(
    # 1.1 M
    tiny=dict(
        type='PTv3',
        variant='m2',
        encoder=dict(channels=[16, 32, 64, 128], depths=[1, 1, 2, 1], heads=[1, 2, 4, 8], patch_sizes=256),
        block=dict(drop_path=0.1),
    ),
    # 3 M: what ships (docs/model_zoo.md)
    zoo=dict(
        type='PTv3',
        variant='m2',
        encoder=dict(channels=[32, 64, 128, 192], depths=[1, 1, 2, 1], heads=[2, 4, 8, 12], patch_sizes=256),
        block=dict(drop_path=0.1),
    ),
    # 39 M: the widths of PTv3-base, which DOS most likely used (docs/method.md, A2)
    small=dict(
        type='PTv3',
        variant='m2',
        encoder=dict(channels=[32, 64, 128, 256, 512], depths=[2, 2, 2, 6, 2], heads=[2, 4, 8, 16, 32]),
    ),
    # 108 M: Sonata, Concerto
    base=dict(
        type='PTv3',
        variant='m2',
        encoder=dict(channels=[48, 96, 192, 384, 512], depths=[3, 3, 3, 12, 3], heads=[3, 6, 12, 24, 32]),
    ),
    # Concerto's large one
    large=dict(
        type='PTv3',
        variant='m2',
        encoder=dict(channels=[64, 128, 256, 512, 768], depths=[3, 3, 3, 12, 3], heads=[4, 8, 16, 32, 48]),
    ),
    # the original, 46 M with its decoder
    m1_base=dict(
        type='PTv3',
        variant='m1',
        encoder=dict(channels=[32, 64, 128, 256, 512], depths=[2, 2, 2, 6, 2], heads=[2, 4, 8, 16, 32]),
    ),
    # Utonia: distilled, and 137 M
    m3_small=dict(
        type='PTv3',
        variant='m3',
        encoder=dict(channels=[36, 72, 144, 288, 432], depths=[2, 2, 2, 6, 2], heads=[2, 4, 8, 16, 24]),
    ),
    m3_base=dict(
        type='PTv3',
        variant='m3',
        encoder=dict(channels=[54, 108, 216, 432, 576], depths=[3, 3, 3, 12, 3], heads=[3, 6, 12, 24, 32]),
    ),
)
ptv3_decoders = dict(
    tiny=dict(channels=[32, 32, 64], depths=[1, 1, 1], heads=[2, 2, 4]),
    zoo=dict(channels=[64, 64, 128], depths=[1, 1, 1], heads=[4, 4, 8]),
    small=dict(channels=[64, 64, 128, 256], depths=[2, 2, 2, 2], heads=[4, 4, 8, 16]),
    base=dict(channels=[64, 96, 192, 384], depths=[2, 2, 2, 2], heads=[4, 6, 12, 24]),
    m1_base=dict(channels=[64, 64, 128, 256], depths=[2, 2, 2, 2], heads=[4, 4, 8, 16]),
    m3_base=dict(channels=[54, 108, 216, 432], depths=[2, 2, 2, 2], heads=[3, 6, 12, 24]),
)
