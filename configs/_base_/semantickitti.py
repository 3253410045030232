"""Pretraining on SemanticKITTI: the scans of the training split, for segmentation."""

_base_ = './pretraining.py'

data_root = 'data/semantickitti/'
sequences = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10]  # the training split; 08 is validation
max_iters = 39900  # 50 passes over 19 130 scans in batches of 24
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.pipeline
pipeline = [_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]
train_dataloader = dict(
    dataset=dict(type='SemanticKittiSweeps', data_root=data_root, sequences=sequences, pipeline=pipeline)
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
