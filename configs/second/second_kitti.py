"""SECOND on KITTI from scratch: mmdet3d's own config for three classes, unchanged.

Command:   bash tools/dist_train.sh configs/second/second_kitti.py 8
           python tools/test.py configs/second/second_kitti.py CHECKPOINT
Data:      data/kitti, converted with `python tools/create_data.py kitti` (docs/data/kitti.md); another place:
           --cfg-options data_root=PATH/
Hardware:  8 GPUs with 6 frames each; for another number of GPUs add --auto-scale-lr.
Expected:  mmdet3d's model zoo states mAP 65.3 (metafile.yml of its SECOND). Not run by us.
"""

_base_ = 'mmdet3d::second/second_hv_secfpn_8xb6-80e_kitti-3d-3class.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the encoder is fed: the pretraining configs have the same.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
default_hooks = dict(data_wait=dict(type='DataWaitHook'))

# mmdet3d states as numbers what here follows voxel_size and point_cloud_range
_range = _base_.point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], _base_.voxel_size)]
_anchors = _base_.model.bbox_head.anchor_generator.ranges  # of each class x, y as the range, and one height
model = dict(
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=_range)),
    # z, y, x and one cell of head room in z
    middle_encoder=dict(sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    bbox_head=dict(
        anchor_generator=dict(ranges=[[*_range[:2], height, *_range[3:5], height] for _, _, height, *_ in _anchors])
    ),
)
