"""The ablation ladder over the tiny MinkUNet of dos_minkunet_synthetic.py, whose steps cost a third of ladder.py's.

Command:   python tools/ablate.py configs/ablations/ladder_minkunet.py [--seeds 5] [--steps N] [--out DIR]
Hardware:  1 CPU core.
Expected:  not run

A row has MinkUNet, single sweeps and the mask ratio of that config; all else of it is that of ladder.py.
"""

_base_ = ['ladder.py', '../minkunet/_base_sizes.py']

overrides = {
    'model.backbone': dict(type='MinkUNetAdapter', backbone={**_base_.minkunet.tiny, 'in_channels': 5}, loss_stride=2),
    'model.data_preprocessor.voxel_type': 'minkunet',
    'train_dataloader.dataset.num_sweeps': 1,
    'train_dataloader.dataset.pipeline.1.mask_ratio': 0.7,
}
