"""mmdet3d's MinkUNet-34 (width 32, voxel 0.05 m, LaserMix and PolarMix) on SemanticKITTI, from scratch or from DOS.

Command:   bash tools/dist_train.sh configs/segmentation/minkunet_semantickitti.py 8
           (from DOS weights: --cfg-options load_from=EXPORTED, made with configs/dos/dos_minkunet_semantickitti.py)
Hardware:  8 GPUs, 2 scans each; half precision: --amp.
Expected:  mmdet3d's model zoo states 69.3 mIoU for it, from scratch. Not run by us.
"""

_base_ = 'mmdet3d::minkunet/minkunet34_w32_spconv_8xb2-laser-polar-mix-3x_semantickitti.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

# What the network is fed, in the channels of pretraining.
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
voxel_size = [0.05, 0.05, 0.05]
num_classes = 19
default_hooks = dict(data_wait=dict(type='DataWaitHook'))
