"""DOS on a CPU-sized budget: what every pretraining config shares. Children pick the detector whose encoder they train.

Values are those of the settings that trained without collapse on two cores; the paper-sized ones (K = 1024, D = 256,
hidden 2048) are set where GPUs are meant.
"""

dos = dict(
    projector=dict(type='Projector', hidden_channels=512, out_channels=64),
    head=dict(
        type='ZipfSinkhornHead',
        channels=64,
        num_prototypes=128,
        alpha=1.3,
        n_iters=3,
        student_temperature=0.1,
        teacher_temperature=(0.05, 0.05),
        scope='batch',
    ),
    views=dict(
        type='TwoViews',
        crop_share=(0.6, 1.0),
        max_points=32768,
        yaw_prob=1.0,
        scale_range=(0.95, 1.05),
        shift_z_std_m=0.1,
        jitter_std_m=0.0,
        drop_share=(0.0, 0.3),
        intensity_scale=(0.8, 1.2),
    ),
    mask_ratio=0.6,
    block_size_m=1.0,
)
custom_hooks = [
    # the teacher of a short run must not lag: (0.99, 0.999) cost 1.5 mIoU on validation scenes (docs/diary.md)
    dict(type='DOSHook', momentum=(0.95, 0.98)),
    dict(type='CollapseMonitorHook', interval=10),
]
