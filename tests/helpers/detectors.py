"""CenterPoint configs at a size that a CPU steps."""

from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.registry import init_default_scope

from dos_mm3d.studies.runner.config_file import with_texts


def load(path: Path) -> Config:
    init_default_scope('mmdet3d')
    return Config.fromfile(path)


def without_scope(value):
    """A plain copy without the `_scope_` entries that mmengine adds to a config of another package."""
    if isinstance(value, dict):
        return {key: without_scope(item) for key, item in value.items() if key != '_scope_'}
    return [without_scope(item) for item in value] if isinstance(value, list | tuple) else value


def moved(value, old: str, new: str):
    """The config with every path that starts with `old` starting with `new`."""
    return with_texts(value, lambda text: text.replace(old, new, 1) if text.startswith(old) else text)


def tiny(cfg: Config, data_root: Path, work_dir: Path) -> Config:
    """Two steps of one key frame each on a tiny data set, in this process."""
    cfg = Config(moved(cfg._cfg_dict, str(cfg.data_root), f'{data_root}/'))
    loader = cfg.train_dataloader
    loader.update(batch_size=1, num_workers=0, persistent_workers=False)
    loader.sampler = dict(type='InfiniteSampler', shuffle=True)
    if 'labelled_scenes' in loader.dataset:
        loader.dataset.labelled_scenes = 1
    if loader.dataset.type == 'CBGSDataset':  # divides by the number of frames of each class, some absent here
        loader.dataset = loader.dataset.dataset
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
    cfg.update(work_dir=str(work_dir), experiment_name=work_dir.name, load_from=None, randomness=dict(seed=0))
    cfg.update(param_scheduler=[], val_cfg=None, val_dataloader=None, val_evaluator=None)
    cfg.default_hooks = ConfigDict(checkpoint=None)
    cfg.custom_hooks = [dict(type='RecordLosses')]
    cfg.log_processor = dict(by_epoch=False)
    return cfg
