"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m) on nuScenes for segmentation: single sweeps, 70 % hidden.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_segmentation_nuscenes.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation, for configs/segmentation/ptv3_*_nuscenes.py
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. dos_ptv3_nuscenes.py is its sibling for detection, with ten sweeps and 60 %.
"""

_base_ = 'dos_ptv3_nuscenes.py'

mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
train_dataloader = dict(dataset=dict(num_sweeps=1, pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack]))
