"""Option: four small crops of each scan for the student alone, against both views (docs/method.md, A11).

Command:   python tools/train.py configs/ablations/local_views.py
Hardware:  2 CPU cores, no GPU.
Expected:  29.0 mIoU with 300 steps, one seed (docs/results/ladder_test.json).
"""

_base_ = ['zipf_1p3.py']

_views, _mask, _pack = _base_.train_dataloader.dataset.pipeline

# Sonata's number of local views; the share is ours, everything else is drawn as for the views
_local = {**_views, 'type': 'LocalViews', 'num_local': 4, 'crop_share': (0.1, 0.4)}

model = dict(
    student_input=dict(type='VisibleVoxelsAndLocalViews'),
    terms=dict(type='WithLocalViews'),
)
train_dataloader = dict(dataset=dict(pipeline=[_views, _mask, _local, _pack]))
