"""DOS pretraining that goes on from the weights that ship, on any folder of sweeps: .bin .pcd .npy .npz .ply .feather.

Command:   python tools/train.py configs/zoo/zoo_second_folder.py --cfg-options data_root=PATH
           columns of .bin files: bin_columns=6 for another count; merged sweeps with seconds since the key frame in
           column 4: bin_columns=5 time_lag=4; the rest as in docs/data/folder.md
           then tools/export_backbone.py, for the configs that take weights/second_small.pth
Hardware:  1 CPU core.
Expected:  not run.

Same channels, grid and ranks as configs/zoo/zoo_second_small.py. Student and teacher start from the file; projector and
head anew, hence a warm-up, and a rate and a length that are shorter.
"""

_base_ = './zoo_second_small.py'
load_from = 'weights/second_small.pth'

data_root = 'data/sweeps'
bin_columns = None  # 4, of .pcd.bin 5
time_lag = 'zero'  # single sweeps
intensity_max = 'auto'
missing_intensity = 'error'
exclude = []
on_bad_file = 'error'
max_iters = 2000
learning_rate = 1e-3

train_dataloader = dict(
    dataset=dict(
        data_root=data_root,
        bin_columns=bin_columns,
        time_lag=time_lag,
        intensity_max=intensity_max,
        missing_intensity=missing_intensity,
        exclude=exclude,
        on_bad_file=on_bad_file,
    )
)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=learning_rate))
param_scheduler = [{**_base_.param_scheduler[0], 'eta_max': learning_rate, 'total_steps': max_iters}]
