"""Small CenterPoint over PTv3 from DOS weights: the encoder starts from the exported teacher, the decoder anew.

Command:   python tools/train.py configs/dos/dos_ptv3_synthetic.py
           python tools/export_backbone.py PRETRAINING_CHECKPOINT work_dirs/dos_ptv3_synthetic/backbone.pth
           python tools/train.py configs/centerpoint/centerpoint_ptv3_small_synthetic_dos.py
           (weights elsewhere: --cfg-options load_from=PATH)
Hardware:  2 CPU cores, no GPU.
Expected:  not run yet.
"""

_base_ = './centerpoint_ptv3_small_synthetic.py'
load_from = 'work_dirs/dos_ptv3_synthetic/backbone.pth'
