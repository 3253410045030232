"""Pretraining of the weights that ship (docs/model_zoo.md), on the procedural world of tools/create_data.py zoo_world.

One folder for each scene, its sweeps .bin files with the columns x, y, z [m], intensity 0-255, time lag [s], as
CenterPoint is fed on nuScenes. The same settings run on any folder of sweeps: zoo_second_folder.py.

Every file has a backbone's grid and columns; what all weights share is here. Intensities are ranks within the scan, as
nothing of them is alike between sensors but their order, and a view may be without: downstream pipelines have the step
IntensityRanks.
"""

_base_ = '../_base_/pretraining_small.py'

data_root = 'data/zoo_world'
bin_columns = 5
time_lag = 4  # the column
intensity_max = 255
# the key frame alone, or a tenth of a second, where a scan has so much: with more, max_points are a patch of a street
max_lag_s = [0.0, 0.1]
max_iters = 20000
batch_size = 1  # at one price in seconds, more steps are worth more than larger ones (docs/diary.md)
learning_rate = 3e-3
max_points = 32768
intensity_ranks = True
intensity_dropout = 0.2
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
forward_axis = 'y'  # of the points, as nuScenes has it; read by protocols on other sensors
point_cloud_range = [-51.2, -51.2, -5.0, 51.2, 51.2, 3.0]

recent = dict(type='RecentPoints', max_lag_s=max_lag_s)
_views, *mask_and_pack = _base_.pipeline
views = dict(
    **{**_views, 'max_points': max_points},
    intensity_ranks=intensity_ranks,
    intensity_dropout=intensity_dropout,
)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        type='FolderSweeps',
        data_root=data_root,
        bin_columns=bin_columns,
        time_lag=time_lag,
        intensity_max=intensity_max,
        intensity_top=255,
        pipeline=[recent, views, *mask_and_pack],
    ),
)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(lr=learning_rate, weight_decay=0.2))
param_scheduler = [{**_base_.param_scheduler[0], 'eta_max': learning_rate, 'total_steps': max_iters}]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
custom_hooks = [
    # over 100 to 500 steps, so that whenever a run is stopped its teacher is an average: of 20 000 steps the same share
    # as pretraining_small.py has of 2000, where longer ones lost (docs/diary.md). At this length: not measured
    dict(type='DOSHook', momentum=(0.99, 0.998)),
    _base_.custom_hooks[1],
]
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=250))
