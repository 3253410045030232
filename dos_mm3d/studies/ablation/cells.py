"""A cell of the ladder, one row with one seed: its resolved config, its folder, what is known about it."""

import copy
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...datasets.splits import cut_scenes
from ...engine.config_overrides import load_with_overrides
from ...errors import InputError, MissingFileError
from ...files import read_json
from ...probe.checkpoint import TEST_INFOS, TRAIN_INFOS
from ...probe.scans import scene_names
from ..runner import content_hash
from .ladder_file import LadderRow

SPLITS = ('validation', 'test')
FIXED = ('max_iters', 'train_cfg.max_iters', 'randomness.seed', 'work_dir')


@dataclass(frozen=True)
class Cell:
    """One row with one seed. config: fully resolved. config_hash: sha256 of it. data_hash: sha256 of the infos.

    The folder's name holds both hashes, so that nothing of another config or data set is ever found in it.
    """

    row: LadderRow
    seed: int
    steps: int
    config: Mapping[str, Any]
    config_hash: str
    data_hash: str
    folder: Path

    @property
    def name(self) -> str:
        return f'{self.row.name} seed {self.seed}'

    @property
    def config_file(self) -> Path:
        return self.folder / 'config.py'

    @property
    def work_dir(self) -> Path:
        """Of tools/train.py."""
        return self.folder / 'run'

    @property
    def pretrain_file(self) -> Path:
        """What came of pretraining, whatever the split that is probed."""
        return self.folder / 'pretrain.json'

    def result_file(self, split: str) -> Path:
        return self.folder / f'{split}.json'

    def checkpoint(self) -> Path:
        """The last checkpoint of pretraining, as mmengine's `last_checkpoint` names it."""
        return Path((self.work_dir / 'last_checkpoint').read_text().strip())

    def result(self, split: str, protocol: Mapping[str, Any]) -> dict[str, Any] | None:
        """What is recorded: the probe, or that pretraining did not get there; None where neither is."""
        if (path := self.result_file(split)).is_file() and (found := read_json(path))['protocol'] == protocol:
            return found
        if self.pretrain_file.is_file() and (found := read_json(self.pretrain_file))['status'] != 'finished':
            return found
        return None


def resolve_config(row: LadderRow, *, steps: int | None, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The row's config with `max_iters` and the command line's values in place, logging its last step.

    steps None: as many as the config says. ValueError where an override is the ladder's business, or where the config
    does not follow its `max_iters`.
    """
    if taken := sorted(set(overrides) & set(FIXED)):
        raise InputError(f'--cfg-options {", ".join(taken)}: the ladder sets it; use --steps, --seeds, --out')
    cfg = load_with_overrides(row.config, {**overrides, **({} if steps is None else {'max_iters': steps})})
    found = cfg.train_cfg.max_iters
    if steps is not None and found != steps:
        raise InputError(
            f'{row.config}: trains {found} steps whatever max_iters is; wanted a top-level variable max_iters that '
            'train_cfg.max_iters and the schedules are made from'
        )
    logger = cfg.default_hooks.logger
    logger.interval = math.gcd(logger.interval, found)
    return cfg.to_dict()


def make_cell(row: LadderRow, config: Mapping[str, Any], seed: int, out: Path) -> Cell:
    """The cell of a resolved config and a seed, below `out`."""
    config = copy.deepcopy(dict(config))
    config['randomness'] = {**config.get('randomness', {}), 'seed': seed}
    digest, data = content_hash(config), data_hash(config['train_dataloader']['dataset']['data_root'])
    folder = out / 'cells' / f'{row.name}_seed{seed}_{digest[:8]}_{data[:4]}'
    return Cell(row, seed, config['train_cfg']['max_iters'], config, digest, data, folder)


@cache
def data_hash(data_root: str) -> str:
    """sha256 of a data set's info files; FileNotFoundError with what to do where one is missing."""
    digest = hashlib.sha256()
    for name in (TRAIN_INFOS, TEST_INFOS):
        path = Path(data_root) / name
        if not path.is_file():
            raise MissingFileError(
                f'{path}: no such info file; write the embedded data set with tools/create_synthetic.py and '
                'tools/create_data.py nuscenes, or name yours with --cfg-options data_root=PATH/'
            )
        digest.update(path.read_bytes())
    return digest.hexdigest()


def require_split(config: Mapping[str, Any], split: str) -> None:
    """ValueError where the data set has too few scenes for the fixed cut to leave any for validation."""
    if split != 'validation':
        return
    data_root = config['train_dataloader']['dataset']['data_root']
    names = scene_names(data_root, TRAIN_INFOS)
    if not cut_scenes(names)['validation']:
        raise InputError(
            f'{data_root}: its {len(names)} training scenes leave none for validation; wanted at least 6 scenes, '
            'or --split test'
        )
