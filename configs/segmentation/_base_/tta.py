"""Test-time augmentation: flips x yaw x scale, 36 clouds a scan, whose probabilities mmdet3d's Seg3DTTAModel averages.

The data sets' configs put their loading steps in front of it; `tools/test.py --tta` uses both.
"""

tta_model = dict(type='Seg3DTTAModel')
test_time_aug = dict(
    type='TestTimeAug',
    transforms=[
        [
            dict(type='RandomFlip3D', sync_2d=False, flip_ratio_bev_horizontal=h, flip_ratio_bev_vertical=v)
            for h in (0.0, 1.0)
            for v in (0.0, 1.0)
        ],
        [
            dict(
                type='GlobalRotScaleTrans',
                rot_range=[yaw_rad, yaw_rad],
                scale_ratio_range=[scale, scale],
                translation_std=[0, 0, 0],
            )
            for yaw_rad in (-0.785, 0.0, 0.785)
            for scale in (0.95, 1.0, 1.05)
        ],
        [dict(type='Pack3DDetInputs', keys=['points'])],
    ],
)
