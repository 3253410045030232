"""CenterPoint on nuScenes from scratch: mmdet3d's own voxel-0.075 config, unchanged (CBGS, pasted objects, 10 sweeps).

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel0075_nuscenes.py 8
Data:      data/nuscenes, converted with `python tools/create_data.py nuscenes --root-path data/nuscenes ...`.
Hardware:  8 GPUs with 4 key frames each (10 sweeps); for another number of GPUs add --auto-scale-lr.
Expected:  mmdet3d's model zoo states mAP 56.54, NDS 65.17 (its circle-NMS variant). Not run by us.
"""

_base_ = [
    'mmdet3d::centerpoint/centerpoint_voxel0075_second_secfpn_8xb4-cyclic-20e_nus-3d.py',
    '_base_/nuscenes.py',
]

sweeps_num = _base_.train_pipeline[1].sweeps_num  # previous sweeps, beside the key frame
default_hooks = dict(data_wait=dict(type='DataWaitHook'))

# As in centerpoint_voxel01_nuscenes.py, as a config can take lines from its bases only: mmdet3d states as numbers what
# here follows voxel_size and point_cloud_range.
_low, _high = _base_.point_cloud_range[:3], _base_.point_cloud_range[3:]
_cells = [round((high - low) / size) for low, high, size in zip(_low, _high, _base_.voxel_size)]
_kept = _base_.model.pts_bbox_head.bbox_coder.post_center_range  # of boxes, which a longer range must not outgrow
_kept = [*map(min, _kept[:3], _low), *map(max, _kept[3:], _high)]
model = dict(
    # z, y, x and one cell of head room in z
    pts_middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    pts_bbox_head=dict(bbox_coder=dict(post_center_range=_kept)),
    train_cfg=dict(pts=dict(grid_size=_cells)),
    test_cfg=dict(pts=dict(post_center_limit_range=_kept)),
)
