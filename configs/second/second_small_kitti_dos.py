"""Small SECOND on KITTI from DOS weights: the encoder starts from the exported teacher, all else as from scratch.

Command:   python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_voxelnet_synthetic_kitti/backbone.pth
           python tools/train.py configs/second/second_small_kitti_dos.py
           (weights elsewhere: --cfg-options load_from=PATH)
Hardware:  2 CPU cores, no GPU.
Expected:  not run.
"""

_base_ = './second_small_kitti.py'
load_from = 'work_dirs/dos_voxelnet_synthetic_kitti/backbone.pth'
