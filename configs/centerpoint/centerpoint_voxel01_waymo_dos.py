"""CenterPoint on Waymo from DOS weights: the encoder starts from the exported teacher, all else as from scratch.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_second_waymo/backbone.pth
           bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel01_waymo_dos.py 8
           all labels: --cfg-options load_interval=1 repeat_times=1; weights elsewhere: load_from=PATH
Hardware:  8 GPUs with 4 frames each.
Expected:  not run.
"""

_base_ = './centerpoint_voxel01_waymo.py'
load_from = 'work_dirs/dos_second_waymo/backbone.pth'
