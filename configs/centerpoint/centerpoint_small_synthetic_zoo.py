"""Small CenterPoint on the embedded data set from the weights that ship, which were learnt in other worlds.

Command:   python tools/train.py configs/centerpoint/centerpoint_small_synthetic_zoo.py
           (from scratch, with the same input: --cfg-options load_from=None)
Hardware:  2 CPU cores, no GPU.
Expected:  with the config's 20 labelled scenes: not run. With 8 of 40 and 200 steps, five seeds: mAP 8.0 +- 1.7, from
           scratch 2.1 +- 1.1 (docs/results/detection_zoo_second_small_synthetic_test.json).
"""

_base_ = './centerpoint_small_synthetic.py'
load_from = 'weights/second_small.pth'

_ranks = dict(type='IntensityRanks')  # as in pretraining
_train, _test = _base_.train_pipeline, _base_.test_pipeline
train_pipeline = [*_train[:2], _ranks, *_train[2:]]
test_pipeline = [*_test[:2], _ranks, *_test[2:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
