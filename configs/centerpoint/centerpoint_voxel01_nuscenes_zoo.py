"""CenterPoint on nuScenes from the weights that ship: mmdet3d's voxel-0.1 model, its intensities as ranks.

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel01_nuscenes_zoo.py 8
           (from scratch, with the same input: --cfg-options load_from=None)
Hardware:  8 GPUs with 4 key frames each.
Expected:  not run.
"""

_base_ = './centerpoint_voxel01_nuscenes.py'
load_from = 'weights/second_voxel01.pth'

_ranks = dict(type='IntensityRanks')  # as in pretraining
_train, _test = _base_.train_pipeline, _base_.test_pipeline
_pasted = [step.type for step in _train].index('ObjectSample') + 1  # pasted objects come with intensities, too
train_pipeline = [*_train[:_pasted], _ranks, *_train[_pasted:]]
test_pipeline = [*_test[:2], _ranks, *_test[2:]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
