"""What a quickstart is asked for: which backbone, for which task, and how much of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Choice:
    """What is pretrained, and on what its weights are fine-tuned.

    Args:
        pretrain_config: config of the pretraining run.
        finetune_config: config of the model that is fine-tuned.
        task: 'detection' (mAP) or 'segmentation' (mIoU).
        model: name of the fine-tuned model, for the reader.
    """

    pretrain_config: Path
    finetune_config: Path
    task: str
    model: str


BACKBONES = {
    'second': Choice(
        Path('configs/dos/dos_second_synthetic.py'),
        Path('configs/centerpoint/centerpoint_small_synthetic.py'),
        'detection',
        'CenterPoint',
    ),
    'minkunet': Choice(
        Path('configs/dos/dos_minkunet_synthetic.py'),
        Path('configs/segmentation/minkunet_small_synthetic.py'),
        'segmentation',
        'MinkUNet',
    ),
    'ptv3': Choice(
        Path('configs/dos/dos_ptv3_synthetic.py'),
        Path('configs/centerpoint/centerpoint_ptv3_small_synthetic.py'),
        'detection',
        'CenterPoint over PTv3',
    ),
}


@dataclass(frozen=True)
class Size:
    """How much is done: the whole thing, or just enough to see that all parts fit together.

    Args:
        data: folder of the embedded data set.
        create: arguments of tools/create_synthetic.py.
        pretrain: values for the pretraining config (--cfg-options).
        finetune: values for the config that is fine-tuned.
        probe: arguments of tools/linear_probe.py.
    """

    data: Path = Path('data/synthetic_nuscenes')
    create: tuple[str, ...] = ()
    pretrain: Mapping[str, Any] = field(default_factory=dict)
    finetune: Mapping[str, Any] = field(default_factory=dict)
    probe: tuple[str, ...] = ()


def tiny_size(work: Path) -> Size:
    """3 + 2 scenes of one second, a few steps: the numbers mean nothing."""
    data = work / 'data'
    shared = {
        'data_root': f'{data}/',
        'default_hooks.logger.interval': 1,
        'default_hooks.checkpoint.interval': 2,
        'train_dataloader.persistent_workers': False,
        'train_dataloader.num_workers': 0,
    }
    return Size(
        data,
        create=('--train-scenes', '3', '--val-scenes', '2', '--seconds', '1.0'),
        pretrain={**shared, 'max_iters': 4, 'custom_hooks.1.interval': 1},
        finetune={**shared, 'max_iters': 2, 'labelled_scenes': 2},
        probe=('--scans', '2', '--draws', '2', '--seeds', '2', '--bn-scans', '2'),
    )
