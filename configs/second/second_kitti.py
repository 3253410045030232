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
