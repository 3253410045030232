"""The rows of the ladder that carry the paper's claim, over the tiny MinkUNet of dos_minkunet_synthetic.py.

Command:   python tools/ablate.py configs/ablations/ladder_minkunet.py --cfg-options data_root=data/synthetic_many
               --steps 1000 --split test --out work_dirs/ladder_minkunet
           (the data: 110 scenes, docs/diary.md, "Fine-tuning from the zoo")
Hardware:  1 CPU core.
Expected:  docs/results/ladder_minkunet_test.json: 1000 steps, three seeds, 1.5 hours.

A row has MinkUNet, single sweeps and the mask ratio of that config; all else of it is that of ladder.py.
"""

_base_ = ['ladder.py', '../minkunet/_base_sizes.py']

overrides = {
    'model.backbone': dict(type='MinkUNetAdapter', backbone={**_base_.minkunet.tiny, 'in_channels': 5}, loss_stride=2),
    'model.data_preprocessor.voxel_type': 'minkunet',
    'train_dataloader.dataset.num_sweeps': 1,
    'train_dataloader.dataset.pipeline.1.mask_ratio': 0.7,
}
_known = {row.name: row for row in _base_.rows}
# row -> the one that it is compared with; the last is compared with what needs no pretraining, too
_compared = dict(
    naive=None,
    clustering='naive',
    regression='clustering',
    softmap='clustering',
    softmap_uniform='softmap',
    zipf_auto='softmap_uniform',
    zipf_1p3='softmap_uniform',
)
rows = [dict(_known[name], above=above) for name, above in _compared.items()]
options = []
