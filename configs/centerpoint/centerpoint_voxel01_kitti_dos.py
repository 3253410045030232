"""CenterPoint on KITTI from DOS weights: the encoder starts from the exported teacher, all else as from scratch.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_second_kitti/backbone.pth
           bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel01_kitti_dos.py 8
           (weights elsewhere: --cfg-options load_from=PATH)
Hardware:  8 GPUs with 6 frames each.
Expected:  not run.
"""

_base_ = './centerpoint_voxel01_kitti.py'
load_from = 'work_dirs/dos_second_kitti/backbone.pth'
