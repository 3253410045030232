"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 m, 10 sweeps) on real nuScenes, full size.

Command:   bash tools/dist_train.sh configs/dos/dos_second_nuscenes.py 8
           then tools/export_backbone.py and configs/centerpoint/centerpoint_voxel01_nuscenes_dos.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".
"""

_base_ = ['../centerpoint/centerpoint_voxel01_nuscenes.py', '../_base_/dos.py']
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

data_root = _base_.data_root
max_iters = 58600  # 50 passes over 28 130 key frames in batches of 24
batch_size = 3
learning_rate = 1e-3
warmup_share = 0.05
embedding_channels = 256

model = dict(
    _delete_=True,
    type='DOS',
    backbone=dict(
        type='SparseEncoderBackbone',
        voxel_encoder=_base_.model.pts_voxel_encoder,
        middle_encoder=_base_.model.pts_middle_encoder,
    ),
    projector=dict(type='Projector', hidden_channels=2048, out_channels=embedding_channels),
    head=dict(
        type='ZipfSinkhornHead',
        channels=embedding_channels,
        num_prototypes=1024,
        alpha=1.3,
        n_iters=3,
        student_temperature=0.1,
        teacher_temperature=(0.04, 0.07),
        warmup_share=warmup_share,
        scope='batch',
    ),
    data_preprocessor=dict(
        type='ViewPreprocessor',
        voxel=True,
        # nothing may be dropped: a loss voxel without features is an error
        voxel_layer={**_base_.model.data_preprocessor.voxel_layer, 'max_voxels': (300000, 300000)},
    ),
)
sync_bn = 'torch'
train_dataloader = dict(
    _delete_=True,
    batch_size=batch_size,
    num_workers=6,
    persistent_workers=True,
    sampler=dict(type='StreamSampler'),
    dataset=dict(
        type='NuScenesSweeps',
        data_root=data_root,
        ann_file='nuscenes_infos_train.pkl',
        num_sweeps=_base_.sweeps_num + 1,
        pipeline=[
            dict(
                type='TwoViews',
                crop_share=(0.4, 1.0),
                max_points=200000,
                shift_z_std_m=0.1,
                drop_share=(0.0, 0.3),
                intensity_scale=(0.8, 1.2),
            ),
            dict(
                type='BlockMask',
                mask_ratio=0.6,
                block_size_m=1.0,
            ),
            dict(type='PackViews'),
        ],
    ),
)
val_dataloader = None
val_evaluator = None
val_cfg = None
test_dataloader = None
test_evaluator = None
test_cfg = None
train_cfg = dict(_delete_=True, type='StreamTrainLoop', max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=learning_rate, weight_decay=0.04), clip_grad=dict(max_norm=1.0))
param_scheduler = [
    dict(
        type='OneCycleLR',
        eta_max=learning_rate,
        total_steps=max_iters,
        pct_start=warmup_share,
        div_factor=10,
        final_div_factor=100,
        by_epoch=False,
    )
]
custom_hooks = [
    dict(type='DOSHook', momentum=(0.994, 1.0)),
    dict(type='CollapseMonitorHook', interval=10),
]
auto_scale_lr = dict(enable=False, base_batch_size=24)
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=2000, max_keep_ckpts=3))
log_processor = dict(by_epoch=False)
randomness = dict(seed=0)
