"""DOS pretraining of a tiny Point Transformer V3 on the embedded data set, without labels.

Command:   python tools/train.py configs/dos/dos_ptv3_synthetic.py
Hardware:  2 CPU cores, no GPU.
Expected:  2000 steps: not run. With 600 steps, 5 minutes: linear probe 27.9 +- 0.5 mIoU over three seeds, random
           initialisation 24.1 (configs/backbones/ptv3.py, docs/results/backbone_ptv3_test.json).

Grid, 0.2 m, and loss voxels, 0.4 m, are those of dos_second_synthetic.py and centerpoint_ptv3_small_synthetic.py.
"""

_base_ = ['dos_second_synthetic.py', '../ptv3/_base_sizes.py', '../ptv3/_base_scales.py']

loss_stride = 2

model = dict(
    backbone=dict(
        _delete_=True,
        type='PTv3Backbone',
        voxel_encoder=_base_.model.backbone.voxel_encoder,
        ptv3={
            **_base_.ptv3.tiny,
            'in_channels': len(_base_.input_channels),
            'input_scale': _base_.ptv3_scales.lidar_255_lag,
        },
        loss_stride=loss_stride,
    ),
)
