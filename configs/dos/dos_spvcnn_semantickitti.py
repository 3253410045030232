"""DOS pretraining of SPVCNN (width 32, voxel 0.05 m, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_spvcnn_semantickitti.py 8
           then tools/export_backbone.py, and load_from of configs/segmentation/spvcnn_semantickitti.py, or of mmdet3d's
           spvcnn_w32_*_semantickitti.py where torchsparse is installed
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run.

The backbone is that of mmdet3d's spvcnn_w32 configs. Dropout, which has no weights, is off: the teacher, which is in
training mode for its BatchNorm statistics, would have noisy targets.
"""

_base_ = 'dos_minkunet_semantickitti.py'

model = dict(
    backbone=dict(type='SPVCNNAdapter', backbone=dict(type='SPVCNN', encoder_blocks=[2, 2, 2, 2], drop_ratio=0.0))
)
