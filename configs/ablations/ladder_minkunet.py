"""The ablation ladder over the tiny MinkUNet, which steps three times as fast as the SparseEncoder of ladder.py.

Command:   python tools/ablate.py configs/ablations/ladder_minkunet.py [--seeds 5] [--steps N] [--out DIR]
Hardware:  1 CPU core.
Expected:  not run

Backbone, single sweeps and mask ratio of dos_minkunet_synthetic.py; all else of a row is that of ladder.py.
"""

_base_ = ['ladder.py', '../dos/dos_minkunet_synthetic.py']

_dataset = _base_.train_dataloader.dataset
overrides = {
    'model.backbone': _base_.model.backbone,
    'model.data_preprocessor.voxel_type': _base_.model.data_preprocessor.voxel_type,
    'train_dataloader.dataset.num_sweeps': _dataset.num_sweeps,
    'train_dataloader.dataset.pipeline.1.mask_ratio': _base_.mask_ratio,
}
