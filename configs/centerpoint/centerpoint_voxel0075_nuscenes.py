"""CenterPoint on nuScenes from scratch: mmdet3d's own voxel-0.075 config, unchanged (CBGS, pasted objects, 10 sweeps).

Command:   bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel0075_nuscenes.py 8
Data:      data/nuscenes, converted with `python tools/create_data.py nuscenes --root-path data/nuscenes ...`.
Hardware:  8 GPUs with 4 key frames each (10 sweeps); for another number of GPUs add --auto-scale-lr.
Expected:  mmdet3d's model zoo states mAP 56.54, NDS 65.17 (its circle-NMS variant). Not run by us.
"""

_base_ = 'mmdet3d::centerpoint/centerpoint_voxel0075_second_secfpn_8xb4-cyclic-20e_nus-3d.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the encoder is fed: the pretraining config inherits these names.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
point_cloud_range = _base_.point_cloud_range
voxel_size = _base_.voxel_size
sweeps_num = _base_.train_pipeline[1].sweeps_num  # previous sweeps, beside the key frame
default_hooks = dict(data_wait=dict(type='DataWaitHook'))
