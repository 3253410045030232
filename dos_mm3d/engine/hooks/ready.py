"""What a run would find out after hours, or not at all, is asked before its first step."""

from typing import Any

from mmdet3d.registry import HOOKS
from mmengine.dataset import BaseDataset, InfiniteSampler
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from ...errors import InputError, UserError
from .checkpoint import random_state, set_random_state


@HOOKS.register_module()
class ReadyHook(Hook):
    """InputError where a loader would give no batch, and where a validation, which comes after much training, cannot
    load its first frame. The tools add it to every run; no random number moves."""

    priority = 'VERY_HIGH'

    def before_run(self, runner) -> None:
        loops = {'train': runner._train_loop, 'val': runner._val_loop, 'test': runner._test_loop}
        loaders = {name: getattr(loop, 'dataloader', None) for name, loop in loops.items()}
        for name, loader in loaders.items():
            if isinstance(loader, DataLoader):
                require_batches(f'{name}_dataloader', loader)
        if isinstance(loaders['val'], DataLoader):
            require_first_frame('val_dataloader', loaders['val'].dataset)


def require_batches(name: str, loader: DataLoader) -> None:
    """InputError where nothing is there to load, or fewer frames than one batch has and these are left out."""
    count = len(loader.dataset)
    if not count:
        raise InputError(f'{name}: its data set has no frame; correct its ann_file, indices and filters')
    endless = isinstance(loader.sampler, InfiniteSampler)
    if loader.drop_last and not endless and loader.batch_size and len(loader.sampler) < loader.batch_size:
        raise InputError(
            f'{name}: its {len(loader.sampler)} frames for each process are fewer than one batch of '
            f'{loader.batch_size}, and drop_last=True leaves them out; wanted a smaller batch_size, or drop_last=False'
        )


def require_first_frame(name: str, dataset: Any) -> None:
    """InputError where a data set of mmengine's kind cannot load its first frame."""
    if not isinstance(dataset, BaseDataset):
        return
    state = random_state()
    try:
        dataset[0]
    except (UserError, OSError):
        raise
    except Exception as error:  # upstream code that is given a frame without what it reads raises nearly anything
        raise InputError(
            f'{name}: its first frame cannot be loaded ({type(error).__name__}: {error}): the infos '
            f'({dataset.ann_file}) have not what the steps of its pipeline read'
        ) from error
    finally:
        set_random_state(state)
