"""The embedded nuScenes set, few labels, on two CPU cores: what differs from nuScenes itself."""

_base_ = './nuscenes.py'

data_root = 'data/synthetic_nuscenes/'
labelled_scenes = 4  # of 40: 20 labelled key frames

train_dataloader = dict(batch_size=2, num_workers=1, dataset=dict(data_root=data_root, labelled_scenes=labelled_scenes))
test_dataloader = dict(dataset=dict(data_root=data_root))
# The val scenes are the test split, read once, by tools/test.py.
val_dataloader = None
val_evaluator = None
val_cfg = None
train_cfg = dict(_delete_=True, type='EpochBasedTrainLoop', max_epochs=_base_.max_epochs)
env_cfg = dict(dist_cfg=dict(backend='gloo'))
auto_scale_lr = dict(base_batch_size=2)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=10, max_keep_ckpts=1))
