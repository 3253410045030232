"""DOS pretraining of Point Transformer V3 (39 M, grid 0.05 m, loss voxels 0.2 m) on nuScenes, Waymo and SemanticKITTI
together.

Command:   bash tools/dist_train.sh configs/dos/dos_ptv3_joint.py 8
           then tools/export_backbone.py CKPT EXPORTED --for segmentation, for ptv3_*_semantickitti.py of segmentation/
Data:      as dos_minkunet_joint.py.
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

Model, grid, channels and mask are those of dos_ptv3_semantickitti.py; single sweeps of every set.
"""

_base_ = ['dos_ptv3_semantickitti.py', '../_base_/joint.py']

data_root = None  # a root for each set
sequences = None  # semantickitti_sequences
max_iters = 85560  # 10 passes over 205 341 frames in batches of 24

train_dataloader = dict(
    dataset=dict(_delete_=True, **_base_.joint, pipeline=_base_.train_dataloader.dataset.pipeline),
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
custom_hooks = [*_base_.custom_hooks, dict(type='MemberSharesHook')]
