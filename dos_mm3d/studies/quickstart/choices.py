"""What a quickstart is asked for, which backbone and how much, and where it leaves what it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...engine.config_overrides import load_with_overrides
from ...models.preprocessors.views import stated_grid
from ...probe.scans import ProbeScans
from ..project import config_file
from ..protocols.datasets import DataSet, dataset_named
from ..protocols.encoder_input import sweeps_of
from ..protocols.training_config import last_checkpoint

SEED = 0


@dataclass(frozen=True)
class Choice:
    """What is pretrained, and on what its weights are fine-tuned.

    Args:
        pretrain_config: config of the pretraining run.
        finetune_config: config of the model that is fine-tuned.
        protocol: that fine-tunes it: 'detection', or 'finetune' for segmentation.
        model: name of the fine-tuned model, for the reader.
    """

    pretrain_config: Path
    finetune_config: Path
    protocol: str
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
        'finetune',
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
        probe: arguments of the linear probe.
    """

    data: Path = Path('data/synthetic_nuscenes')
    create: tuple[str, ...] = ()
    pretrain: Mapping[str, Any] = field(default_factory=dict)
    finetune: Mapping[str, Any] = field(default_factory=dict)
    probe: tuple[str, ...] = ()


def tiny_size(work: Path) -> Size:
    """3 + 2 scenes of one second, a few steps: the numbers mean nothing."""
    data = work / 'data'
    shared = {'train_dataloader.persistent_workers': False, 'train_dataloader.num_workers': 0}
    often = {'default_hooks.logger.interval': 1, 'default_hooks.checkpoint.interval': 2, 'custom_hooks.1.interval': 1}
    return Size(
        data,
        create=('--train-scenes', '3', '--val-scenes', '2', '--seconds', '1.0'),
        pretrain={**shared, **often, 'data_root': f'{data}/', 'max_iters': 4},
        finetune={**shared, 'max_iters': 2, 'labelled_scenes': 2},
        probe=('--scans', '2', '--draws', '2', '--seeds', '2', '--bn-scans', '2'),
    )


@dataclass(frozen=True)
class Quickstart:
    """One call, and where its results are.

    Args:
        root: folder of all.
        choice: what is pretrained and fine-tuned.
        size: how much of it.
        n_seeds: fine-tuning runs of each kind.
    """

    root: Path
    choice: Choice
    size: Size
    n_seeds: int = 1

    @cached_property
    def pretrain_config(self) -> Config:
        return load_with_overrides(config_file(self.choice.pretrain_config), self.size.pretrain)

    @property
    def checkpoint(self) -> Path:
        return last_checkpoint(self.pretrain_config, self.root / 'pretrain')

    @property
    def exported(self) -> Path:
        return self.root / 'export' / 'dos_backbone.pth'

    @property
    def dataset(self) -> DataSet:
        return dataset_named('synthetic').at(str(self.size.data))

    def scans(self, part: str) -> ProbeScans:
        """Labelled scans of a part of the data set, as the encoder sees them."""
        sweeps = sweeps_of(self.pretrain_config.train_dataloader.dataset)
        return ProbeScans(
            self.dataset.scans(part, num_sweeps=sweeps), stated_grid(self.pretrain_config.model.data_preprocessor)
        )

    def record(self, protocol: str) -> Path:
        """Of a protocol of tools/run_protocol.py."""
        return self.root / protocol / f'{protocol}_synthetic_test.json'
