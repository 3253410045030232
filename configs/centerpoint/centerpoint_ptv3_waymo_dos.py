"""CenterPoint over PTv3 on Waymo from weights of a pretraining that was fed the same five channels on the same grid.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_ptv3_waymo/backbone.pth
           bash tools/dist_train.sh configs/centerpoint/centerpoint_ptv3_waymo_dos.py 8
           (weights elsewhere: --cfg-options load_from=PATH)
Hardware:  8 GPUs with 2 frames each.
Expected:  not run; there is no pretraining config for Waymo yet.
"""

_base_ = './centerpoint_ptv3_waymo.py'
load_from = 'work_dirs/dos_ptv3_waymo/backbone.pth'
