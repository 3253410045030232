"""DOS pretraining of the small CenterPoint's sparse encoder on the embedded SemanticKITTI, for cross_domain.

Command:   python tools/train.py configs/dos/dos_second_synthetic_semantickitti.py
Data:      tools/create_synthetic.py --format semantickitti --train-scenes 10, then tools/create_data.py semantickitti
           --root-path data/synthetic_semantickitti; with fewer scenes: --cfg-options sequences=[0,1]
Hardware:  2 CPU cores, no GPU.
Expected:  2000 steps: not run. With 300 steps: linear probe 16.8 +- 0.4 mIoU over three seeds, random
           initialisation 13.0 (docs/results/cross_domain_*_test.json).

All but the data is that of dos_second_synthetic.py: encoder, voxels, range, schedule.
"""

_base_ = 'dos_second_synthetic.py'

data_root = 'data/synthetic_semantickitti/'
# of the training sequences those that the probes' fixed cut (datasets/splits.py) leaves for pretraining
sequences = [0, 1, 5, 9, 10]
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']

model = dict(
    backbone=dict(
        voxel_encoder=dict(num_features=len(input_channels)), middle_encoder=dict(in_channels=len(input_channels))
    )
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SemanticKittiSweeps',
        data_root=data_root,
        sequences=sequences,
        pipeline=_base_.train_dataloader.dataset.pipeline,
    )
)
