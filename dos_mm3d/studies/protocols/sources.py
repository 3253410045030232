"""Pretraining checkpoints of the command line, each with its config, checked against it before anything runs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from mmengine.registry import init_default_scope

from ...checkpoint_file import require_checkpoint_file
from ...engine.config_changes import described
from ...engine.config_overrides import load_with_overrides
from ...engine.trained_config import changes_since_training
from ...errors import InputError, MissingFileError
from ...export.loading import fit_report, read_weights
from ...export.restore import config_of_export, is_export
from ...probe.pretrained import put_export
from ..project import config_file
from ..runner import content_hash, file_sha256, portable
from ..runner.tool import named_path
from .datasets import DATASETS, DataSet, dataset_named
from .encoder_input import EncoderInput, SensorFrame


@dataclass(frozen=True)
class Run:
    """One of the pretraining runs that a row of a table is the mean of.

    Args:
        dataset: name of what it was pretrained on, or another label that its row has.
        number: 0, 1, ... among the runs of that label, which differ in their seeds.
        checkpoint: file.
    """

    dataset: str
    number: int
    checkpoint: Path

    @property
    def name(self) -> str:
        """Of label and number, for rows, cells and folders: `synthetic_0`."""
        return f'{self.dataset}_{self.number}'

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        return {'pretrained_on': self.dataset, 'checkpoint': portable(self.checkpoint)}


@dataclass(frozen=True)
class Source(Run):
    """A pretraining checkpoint, or the backbone that was exported from one.

    Args:
        config_file: of the pretraining; of an exported file, which carries its config, the file itself.
        config: the same, resolved.
        sha256: of the checkpoint file, None while a cell before has not left it.
        exported: whether it is an exported file, which holds one backbone alone.
        force_ranks: whether what is probed has ranks of intensities whatever pretraining was fed.
    """

    config_file: Path
    config: Mapping[str, Any]
    sha256: str | None = None
    exported: bool = False
    force_ranks: bool = False

    @property
    def told(self) -> str:
        """For the reader."""
        return f'{self.checkpoint}, pretrained on {self.dataset} with {self.config_file}'

    @cached_property
    def input(self) -> EncoderInput:
        """What it was fed. ValueError where neither its config nor its data set says it."""
        known = DATASETS.get(self.dataset)
        if known is None and not self.config.get('input_channels'):
            raise InputError(
                f'{self.config_file}: has no input_channels, and {self.dataset} is none of the data sets that are '
                f'known ({", ".join(sorted(DATASETS))}); name the columns, e.g. --cfg-options '
                '\'input_channels=["x [m]","y [m]","z [m]","intensity 0-1"]\', or the data set: --checkpoint '
                'DATASET=PATH'
            )
        channels, frame = (known.channels, known.frame('pretrain')) if known else ((), SensorFrame())
        found = EncoderInput.of(self.config, channels, frame)
        return replace(found, intensity_ranks=True) if self.force_ranks else found

    @cached_property
    def encoder_hash(self) -> str:
        """sha256 of backbone, voxels and input: alike for runs that differ in seed, steps or losses only."""
        model = self.config['model']
        return content_hash([model['backbone'], model['data_preprocessor'], asdict(self.input)])

    @property
    def record(self) -> dict[str, Any]:
        """What is written down of it."""
        return {
            **super().record,
            'sha256': self.sha256,
            'exported': self.exported,
            'config': portable(self.config_file),
            'config_hash': content_hash(self.config),
            'steps': self.config.get('train_cfg', {}).get('max_iters'),
            'seed': self.config.get('randomness', {}).get('seed'),
        }


def read_datasets(names: Sequence[str] | None, checkpoints: Sequence[str], roots: Sequence[str]) -> tuple[DataSet, ...]:
    """The data sets of --dataset, or what the checkpoints name, at the places of --data-root (`D=PATH`).

    ValueError for an unknown one, or where none is named; FileNotFoundError where its infos are not there.
    """
    places = {}
    for text in roots:
        name, path = named_path(text)
        if name is None:
            raise InputError(f'--data-root {text}: of which data set? Wanted D={text}')
        places[dataset_named(name).name] = str(path)
    names = names or list(dict.fromkeys(named_path(text)[0] for text in checkpoints))
    if None in names or not names:
        raise InputError('on which data sets? Wanted --dataset D, or --checkpoint D=PATH for every checkpoint')
    if unused := sorted(set(places) - set(names)):
        raise InputError(f'--data-root {unused[0]}=...: it is not used; wanted one of {", ".join(names)}')
    datasets = tuple(dataset_named(name).at(places.get(name)) for name in names)
    for dataset in datasets:
        dataset.require()
    return datasets


def read_sources(
    checkpoints: Sequence[str],
    configs: Sequence[str],
    dataset: DataSet | None,
    overrides: Mapping[str, Any],
    *,
    force_ranks: bool = False,
) -> tuple[Source, ...]:
    """The sources of --checkpoint and --config.

    checkpoints: `PATH`, pretrained on `dataset`, or `A=PATH`; several of one data set are its runs.
    configs: `PATH`, for all, or `A=PATH`; without one: of an exported file its own, else the config beside the
    checkpoint, as tools/train.py leaves it, else, where there is none, the data set's.
    overrides: --pretraining-options.  force_ranks: see `Source`.
    FileNotFoundError or ValueError, naming the file and the remedy, where one is missing or does not fit the other.
    """
    given = dict(map(named_path, configs))
    numbers: Counter[str] = Counter()
    sources = []
    for text in checkpoints:
        name, checkpoint = named_path(text)
        if name is None and dataset is None:
            raise InputError(f'{text}: pretrained on what? Wanted --checkpoint DATASET=PATH')
        name = name or dataset.name
        require_checkpoint_file(checkpoint)
        exported, stated = is_export(checkpoint), given.get(name, given.get(None))
        if exported and stated is None and not overrides:
            config_file, config = checkpoint, config_of_export(checkpoint)
        else:
            config_file = config_of(checkpoint, stated, name)
            config = load_with_overrides(config_file, dict(overrides)).to_dict()
        require_pretraining(config, config_file)
        require_whole(config, config_file, checkpoint, exported=exported)
        require_same_encoder(config, config_file, checkpoint)
        sha256 = file_sha256(checkpoint)
        sources.append(
            Source(name, numbers[name], checkpoint, config_file, config, sha256, exported, force_ranks=force_ranks)
        )
        numbers[name] += 1
    if unused := sorted({name for name in given if name} - set(numbers)):
        raise InputError(
            f'--config {unused[0]}=...: no checkpoint was pretrained on it; wanted one of {sorted(numbers)}'
        )
    require_different(sources)
    return tuple(sources)


def config_of(checkpoint: Path, given: Path | None, dataset: str) -> Path:
    """The pretraining config of a checkpoint. FileNotFoundError where there is none."""
    if given is None:
        beside = sorted(checkpoint.parent.glob('*.py'))
        if len(beside) == 1:
            return beside[0]
        if beside or dataset not in DATASETS:  # of several configs none is taken by guess
            raise MissingFileError(
                f'{checkpoint.parent}: found {len(beside)} configs beside the checkpoint, wanted one; say which it '
                f'was trained with: --config {dataset}=PATH'
            )
        given = Path(DATASETS[dataset].pretraining)
    given = config_file(given)
    if not given.is_file():
        raise MissingFileError(f'{given}: no such config; say which {checkpoint} was trained with: --config PATH')
    return given


def require_pretraining(config: Mapping[str, Any], path: Path) -> None:
    """ValueError for a config that pretrains nothing."""
    model = config.get('model') or {}
    if not {'backbone', 'projector', 'data_preprocessor'} <= set(model):
        raise InputError(
            f'{path}: its model is {model.get("type")!r}, which is no pretraining; wanted the config that the '
            'checkpoint was pretrained with, for example configs/dos/dos_second_synthetic.py (--config PATH)'
        )


def require_whole(config: Mapping[str, Any], config_file: Path, checkpoint: Path, *, exported: bool) -> None:
    """ValueError where a checkpoint is not of the model of a config: every tensor must be there in its shape; of an
    exported file those of one backbone."""
    init_default_scope('mmdet3d')
    model = MODELS.build(dict(config['model']))
    if exported:
        put_export(model, checkpoint)
        return
    weights = read_weights(checkpoint)
    report = fit_report(model, weights)
    if report.missing or report.wrong_shape or report.unexpected:
        advice = (
            'Give the config that it was pretrained with: --config PATH'
            if report.matched
            else 'Wanted what tools/train.py wrote for a config of configs/dos, with student and teacher, or what '
            'tools/export_backbone.py made of it; not a detector or a segmentor'
        )
        raise InputError(f'{checkpoint}: not a checkpoint of {config_file} ({report.summary()}). {advice}')


def require_same_encoder(config: Mapping[str, Any], config_file: Path, checkpoint: Path) -> None:
    """InputError where a checkpoint says that it was trained with other channels, another grid or other settings of the
    backbone than a config has: its tensors would fit all the same."""
    places = ('input_channels', 'model.backbone', 'model.data_preprocessor')
    if changes := changes_since_training(checkpoint, config, places):
        raise InputError(
            f'{checkpoint}: was trained with other settings than {config_file} has: {described(changes)}. Give the '
            'config that it was pretrained with: --config PATH, or its values: --pretraining-options KEY=VALUE'
        )


def require_different(sources: Sequence[Source]) -> None:
    """ValueError where one file is given twice: its spread over seeds would be none."""
    for one, other in combinations(sources, 2):
        if one.sha256 == other.sha256 and one.dataset == other.dataset:
            raise InputError(
                f'{one.checkpoint} and {other.checkpoint} are the same checkpoint; wanted runs with other seeds'
            )
