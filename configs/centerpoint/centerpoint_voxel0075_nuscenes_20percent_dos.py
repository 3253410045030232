"""CenterPoint (voxel 0.075) on nuScenes with 20 % of the labels, from DOS weights, which took no label.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_second_voxel0075_nuscenes/backbone.pth
           bash tools/dist_train.sh configs/centerpoint/centerpoint_voxel0075_nuscenes_20percent_dos.py 8
           (weights elsewhere: --cfg-options load_from=PATH)
Hardware:  8 GPUs with 4 key frames each.
Expected:  not run.
"""

_base_ = './centerpoint_voxel0075_nuscenes_20percent.py'
load_from = 'work_dirs/dos_second_voxel0075_nuscenes/backbone.pth'
