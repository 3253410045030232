"""mmdet3d's SPVCNN (width 32) on SemanticKITTI, its own config, on spconv instead of torchsparse.

Command:   bash tools/dist_train.sh configs/segmentation/spvcnn_semantickitti.py 8
           from pretrained weights: --cfg-options load_from=work_dirs/spvcnn.pth
Hardware:  8 GPUs, 2 scans each, half precision.
Expected:  not run. mmdet3d states 64.3 mIoU for spvcnn_w32_8xb2-amp-15e_semantickitti.py, on torchsparse.
"""

_base_ = 'mmdet3d::spvcnn/spvcnn_w32_8xb2-amp-15e_semantickitti.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

model = dict(backbone=dict(type='SPVCNN', sparseconv_backend='spconv'))
