"""Loaders, augmentations and metric of the data sets whose points are all classified, wherever they lie."""

augment = [
    dict(
        type='GlobalRotScaleTrans',
        rot_range=[-3.1416, 3.1416],
        scale_ratio_range=[0.9, 1.1],
        translation_std=[0, 0, 0],
    ),
    dict(type='RandomFlip3D', sync_2d=False, flip_ratio_bev_horizontal=0.5, flip_ratio_bev_vertical=0.5),
    dict(type='RandomJitterPoints', jitter_std=[0.005, 0.005, 0.005], clip_range=[-0.02, 0.02]),
]
pack = dict(type='Pack3DDetInputs', keys=['points', 'pts_semantic_mask'])
train_loader = dict(num_workers=4, persistent_workers=True, sampler=dict(type='DefaultSampler', shuffle=True))
test_loader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False),
)
test_evaluator = dict(type='SegMetric')
val_evaluator = test_evaluator
