"""DOS pretraining of CenterPoint's sparse encoder on any folder of sweeps: .bin .pcd .npy .npz .ply .feather.

Command:   python tools/train.py configs/dos/dos_second_folder.py --cfg-options data_root=PATH
           columns of .bin files are stated here and checked: train_dataloader.dataset.bin_columns=6 for another count;
           a shorter run: train_cfg.max_iters=200 param_scheduler.0.total_steps=200
Hardware:  2 CPU cores or one GPU.
Expected:  effective_rank >= 4 and cosine_std >= 0.05 after 200 steps; records in docs/results/real_folders.json.

Input: x, y, z in metres and intensity scaled to 0-1 per sensor (in this config only). A detector that takes these
weights must be fed the same four channels.
"""

_base_ = ['mmdet3d::centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py', '../_base_/dos.py']
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

data_root = 'data/sweeps'
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = _base_.point_cloud_range
voxel_size = _base_.voxel_size
max_iters = 2000
batch_size = 2
learning_rate = 3e-3

model = dict(
    _delete_=True,
    type='DOS',
    backbone=dict(
        type='SparseEncoderBackbone',
        voxel_encoder=dict(type='HardSimpleVFE', num_features=len(input_channels)),
        middle_encoder={**_base_.model.pts_middle_encoder, 'in_channels': len(input_channels)},
    ),
    projector=_base_.dos.projector,
    head=_base_.dos.head,
    data_preprocessor=dict(type='ViewPreprocessor', voxel=True, voxel_layer=_base_.model.data_preprocessor.voxel_layer),
)
train_dataloader = dict(
    _delete_=True,
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='StreamSampler'),
    dataset=dict(
        type='FolderSweeps',
        data_root=data_root,
        pipeline=[
            _base_.dos.views,
            dict(
                type='BlockMask',
                mask_ratio=_base_.dos.mask_ratio,
                block_size_m=_base_.dos.block_size_m,
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
optim_wrapper = dict(optimizer=dict(lr=learning_rate, weight_decay=0.02), clip_grad=dict(max_norm=3))
param_scheduler = [
    dict(type='OneCycleLR', eta_max=learning_rate, total_steps=max_iters, pct_start=0.08, by_epoch=False)
]
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(by_epoch=False, interval=200, max_keep_ckpts=2, save_optimizer=True),
    data_wait=dict(type='DataWaitHook'),
)
log_processor = dict(by_epoch=False)
auto_scale_lr = dict(enable=False, base_batch_size=batch_size)
randomness = dict(seed=0)
