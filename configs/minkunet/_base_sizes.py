"""MinkUNet by size: a table to inherit and to pick from, `{**_base_.minkunet.w32_34, 'in_channels': 5}`.

w32_34 is the backbone of mmdet3d's minkunet34_w32_spconv configs; tiny is ours, for two CPU cores.
"""

minkunet = dict(
    # 1.1 M
    tiny=dict(
        type='MinkUNetBackbone',
        in_channels=4,
        num_stages=4,
        base_channels=16,
        encoder_channels=[16, 32, 48, 64],
        encoder_blocks=[1, 1, 1, 1],
        decoder_channels=[64, 48, 32, 32],
        decoder_blocks=[1, 1, 1, 1],
        block_type='basic',
        sparseconv_backend='spconv',
    ),
    # 2.9 M: what ships (docs/model_zoo.md)
    w16_10=dict(
        type='MinkUNetBackbone',
        in_channels=4,
        num_stages=4,
        base_channels=16,
        encoder_channels=[16, 32, 64, 128],
        encoder_blocks=[1, 1, 1, 1],
        decoder_channels=[128, 64, 48, 48],
        decoder_blocks=[1, 1, 1, 1],
        block_type='basic',
        sparseconv_backend='spconv',
    ),
    # 37.9 M
    w32_34=dict(
        type='MinkUNetBackbone',
        in_channels=4,
        num_stages=4,
        base_channels=32,
        encoder_channels=[32, 64, 128, 256],
        encoder_blocks=[2, 3, 4, 6],
        decoder_channels=[256, 128, 96, 96],
        decoder_blocks=[2, 2, 2, 2],
        block_type='basic',
        sparseconv_backend='spconv',
    ),
)
