"""DOS pretraining of a tiny MinkUNet on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_minkunet_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  9 minutes on one core; what was fine-tuned from it: docs/results/label_efficiency_synthetic_test.json.
           With 600 steps, 3 minutes, and weight decay 0.02: linear probe 32.9 +- 1.1 mIoU over three seeds, random
           initialisation 15.2 (configs/backbones/minkunet.py, docs/results/backbone_minkunet_test.json).

Voxels, 0.2 m, and loss voxels, 0.4 m, are those of dos_second_synthetic.py; single sweeps, as the segmentor reads them.
"""

_base_ = ['dos_second_synthetic.py', '../minkunet/_base_sizes.py']

loss_stride = 2
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
model = dict(
    backbone=dict(
        _delete_=True,
        type='MinkUNetAdapter',
        backbone={**_base_.minkunet.tiny, 'in_channels': len(_base_.input_channels)},
        loss_stride=loss_stride,
    ),
    data_preprocessor=dict(voxel_type='minkunet'),
)
train_dataloader = dict(dataset=dict(num_sweeps=1, pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
