"""DOS pretraining of CenterPoint's sparse encoder on any folder of sweeps: .bin .pcd .npy .npz .ply .feather.

Command:   python tools/train.py configs/dos/dos_second_folder.py --cfg-options data_root=PATH
           columns of .bin files are stated here and checked: bin_columns=6 for another count; a shorter run:
           max_iters=200; what else a folder may need is in docs/data/folder.md
Hardware:  2 CPU cores or one GPU.
Expected:  effective_rank >= 4 and cosine_std >= 0.05 after 200 steps; records in docs/results/real_folders.json.

Input: x, y, z in metres and intensity scaled to 0-1 per sensor (in this config only). A detector that takes these
weights must be fed the same four channels.
"""

_base_ = ['../_base_/pretraining_small.py', '../_base_/backbones/second.py']

data_root = 'data/sweeps'
bin_columns = None  # 4, of .pcd.bin 5
intensity_max = 'auto'
missing_intensity = 'error'
exclude = []
on_bad_file = 'error'
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1']
point_cloud_range = [-51.2, -51.2, -5.0, 51.2, 51.2, 3.0]

_columns = len(input_channels)
_range = point_cloud_range
_cells = [round((high - low) / size) for low, high, size in zip(_range[:3], _range[3:], _base_.voxel_size)]
model = dict(
    **_base_.dos,
    backbone=dict(
        voxel_encoder=dict(num_features=_columns),
        # SparseEncoder wants z, y, x and one cell of head room in z
        middle_encoder=dict(in_channels=_columns, sparse_shape=[_cells[2] + 1, _cells[1], _cells[0]]),
    ),
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=_range, voxel_size=_base_.voxel_size, max_voxels=(90000, 120000))
    ),
)
train_dataloader = dict(
    dataset=dict(
        type='FolderSweeps',
        data_root=data_root,
        bin_columns=bin_columns,
        intensity_max=intensity_max,
        missing_intensity=missing_intensity,
        exclude=exclude,
        on_bad_file=on_bad_file,
        pipeline=_base_.pipeline,
    )
)
optim_wrapper = dict(optimizer=dict(weight_decay=0.02))
