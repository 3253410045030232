"""DOS pretraining of a tiny MinkUNet on three embedded data sets together: as nuScenes, SemanticKITTI and Waymo.

Command:   python tools/train.py configs/dos/dos_minkunet_joint_synthetic.py
Data:      python tools/create_synthetic.py, also with --format semantickitti and --format waymo; no infos but nuScenes'
           without one of them: --cfg-options members=[nuscenes,semantickitti] weights=[1,1]
Hardware:  2 CPU cores, no GPU.
Expected:  not run.

Equal shares, as by frame count nine tenths would be nuScenes. Voxels, 0.2 m, and loss voxels, 0.4 m, are those of
dos_minkunet_synthetic.py; the grid is 2 m higher, for Waymo's points, which count from the ground.
"""

_base_ = 'dos_minkunet_synthetic.py'

semantickitti_root = 'data/synthetic_semantickitti/'
semantickitti_sequences = [0, 1, 2, 3]
waymo_root = 'data/synthetic_waymo/'
members = ['nuscenes', 'semantickitti', 'waymo']  # those to draw from
weights = [1, 1, 1]  # shares of their draws, in the same order
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = [-51.2, -51.2, -5.0, 51.2, 51.2, 5.0]

_nuscenes = {key: value for key, value in _base_.train_dataloader.dataset.items() if key != 'pipeline'}
model = dict(
    backbone=dict(backbone=dict(in_channels=len(input_channels))),
    data_preprocessor=dict(voxel_layer=dict(point_cloud_range=point_cloud_range)),
)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='JointSweeps',
        members=dict(
            nuscenes=dict(dataset=_nuscenes, intensity=255),
            semantickitti=dict(
                dataset=dict(
                    type='SemanticKittiSweeps', data_root=semantickitti_root, sequences=semantickitti_sequences
                ),
                intensity='unit',
            ),
            waymo=dict(dataset=dict(type='WaymoSweeps', data_root=waymo_root), intensity='unit'),
        ),
        use=members,
        weights=dict(zip(members, weights, strict=True)),
        pipeline=_base_.train_dataloader.dataset.pipeline,
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='MemberSharesHook')]
