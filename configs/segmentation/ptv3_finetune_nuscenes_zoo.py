"""Full fine-tuning of a Point Transformer V3 (3 M, grid 0.1 m) on nuScenes lidarseg from the weights that ship.

Command:   bash tools/dist_train.sh configs/segmentation/ptv3_finetune_nuscenes_zoo.py 8
           (from scratch, with the same input: --cfg-options model.backbone.init_cfg=None)
Hardware:  8 GPUs, 2 key frames each; with fewer, add --auto-scale-lr.
Expected:  not run.

The file has the names of CenterPoint's middle encoder; `prefix` makes them those of a segmentor's backbone.
"""

_base_ = './ptv3_finetune_nuscenes.py'
voxel_size = [0.1, 0.1, 0.1]

_ranks = dict(type='IntensityRanks')  # as in pretraining
train_pipeline = [*_base_.train_pipeline[:2], _ranks, *_base_.train_pipeline[2:]]
test_pipeline = [*_base_.test_pipeline[:2], _ranks, *_base_.test_pipeline[2:]]
tta_pipeline = [*_base_.tta_pipeline[:2], _ranks, *_base_.tta_pipeline[2:]]
model = dict(
    backbone=dict(
        **{**_base_.ptv3.zoo, 'decoder': _base_.ptv3_decoders.zoo},
        **_base_.ptv3_input,
        _delete_=True,
        init_cfg=dict(type='Pretrained', checkpoint='weights/ptv3.pth', prefix='pts_middle_encoder.ptv3.'),
    ),
    voxel_size=voxel_size,
)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = test_dataloader
