"""Runtime and loops of all segmentation configs, with the hook that says when data keep the network waiting."""

_base_ = 'mmdet3d::_base_/default_runtime.py'
custom_imports = dict(imports=['dos_mm3d'], allow_failed_imports=False)

test_cfg = dict(type='TestLoop')
val_cfg = dict(type='ValLoop')
randomness = dict(seed=0)
default_hooks = dict(checkpoint=dict(max_keep_ckpts=2), data_wait=dict(type='DataWaitHook'))
