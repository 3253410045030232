"""DOS pretraining of the small CenterPoint's sparse encoder on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_second_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  13 minutes beside another job; linear probe 34.9 +- 0.9 mIoU over three seeds, random initialisation 19.3
           (docs/results/zipf_1p3_2000_steps_test.json).
"""

_base_ = ['../centerpoint/centerpoint_small_synthetic.py', '../_base_/dos.py']
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

max_iters = 2000
batch_size = 1  # on validation scenes twice the steps of half the batch were worth 5.7 mIoU (docs/diary.md)
learning_rate = 3e-3

model = dict(
    _delete_=True,
    type='DOS',
    backbone=dict(
        type='SparseEncoderBackbone',
        voxel_encoder=_base_.model.pts_voxel_encoder,
        middle_encoder=_base_.model.pts_middle_encoder,
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
        type='NuScenesSweeps',
        data_root=_base_.data_root,
        ann_file='nuscenes_infos_train.pkl',
        num_sweeps=_base_.sweeps_num + 1,
        key_frames_only=False,
        part='pretrain',
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
train_cfg = dict(_delete_=True, type='StreamTrainLoop', max_iters=max_iters)
# a decay of 0.02 cost 0.8 mIoU on validation scenes (docs/diary.md)
optim_wrapper = dict(optimizer=dict(lr=learning_rate, weight_decay=0.2), clip_grad=dict(max_norm=3))
param_scheduler = [
    dict(type='OneCycleLR', eta_max=learning_rate, total_steps=max_iters, pct_start=0.08, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=100, max_keep_ckpts=2, save_optimizer=True))
test_dataloader = None
test_evaluator = None
test_cfg = None
