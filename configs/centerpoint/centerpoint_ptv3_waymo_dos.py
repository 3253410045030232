"""CenterPoint over PTv3 on Waymo from DOS weights: the encoder starts from the exported teacher, the decoder anew.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_ptv3_waymo/backbone.pth
           bash tools/dist_train.sh configs/centerpoint/centerpoint_ptv3_waymo_dos.py 8
           all labels: --cfg-options load_interval=1 repeat_times=1; weights elsewhere: load_from=PATH
Hardware:  8 GPUs with 2 frames each.
Expected:  not run. PRETRAINING_CHECKPOINT: of configs/dos/dos_ptv3_waymo.py.
"""

_base_ = './centerpoint_ptv3_waymo.py'
load_from = 'work_dirs/dos_ptv3_waymo/backbone.pth'
