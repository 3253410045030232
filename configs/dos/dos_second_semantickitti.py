"""DOS pretraining of CenterPoint's sparse encoder (voxel 0.1 m, loss voxels 0.2 m) on SemanticKITTI's sweeps.

Command:   bash tools/dist_train.sh configs/dos/dos_second_semantickitti.py 8
           then tools/export_backbone.py, for a segmentor or (with mask_ratio=0.6) a detector fed the same four channels
Data:      data/semantickitti/sequences/XX/velodyne, see docs/data/semantickitti.md; labels are not read.
           with fewer: --cfg-options sequences=[0,1]; 11 to 21, the test split, may be added.
Hardware:  8 GPUs, 3 scans each; with fewer, add --auto-scale-lr or accumulate gradients.
Expected:  not run. Settings that the paper does not state: docs/method.md, "Optimisation and schedules".
"""

_base_ = 'dos_second_nuscenes.py'

data_root = 'data/semantickitti/'
sequences = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10]  # the training split; 08 is validation
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = [-76.8, -76.8, -5.0, 76.8, 76.8, 3.0]
mask_ratio = 0.7  # for segmentation: docs/method.md, "Views and masks"
max_iters = 39900  # 50 passes over 19 130 scans in batches of 24

_cells = [round((point_cloud_range[axis + 3] - point_cloud_range[axis]) / _base_.voxel_size[axis]) for axis in range(3)]
_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline
model = dict(
    backbone=dict(
        voxel_encoder=dict(num_features=len(input_channels)),
        # SparseEncoder wants z, y, x and one cell of head room in z
        middle_encoder=dict(in_channels=len(input_channels), sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    ),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range)),
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='SemanticKittiSweeps',
        data_root=data_root,
        sequences=sequences,
        pipeline=[_views, {**_mask, 'mask_ratio': mask_ratio}, _pack],
    )
)
train_cfg = dict(max_iters=max_iters)
param_scheduler = [{**_base_.param_scheduler[0], 'total_steps': max_iters}]
