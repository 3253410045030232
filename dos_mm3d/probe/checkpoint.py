"""The linear probe of a pretraining run and of its baselines, on the scenes that its config names."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch.utils.data import Subset

from ..datasets.splits import cut_scenes
from ..models.preprocessors.views import stated_grid
from ..spread import evenly_spread
from .features import EncoderFeatures, extractor_of
from .pretrained import load_pretrained, random_backbones
from .probe import ProbeSettings, classes_absent, run_probe, summarise
from .rows import TABLE_ROWS
from .scans import KeyFrames, ProbeScan, ProbeScans, scene_names

TRAIN_INFOS, TEST_INFOS = 'nuscenes_infos_train.pkl', 'nuscenes_infos_val.pkl'


def spread(scans: Sequence[ProbeScan], count: int) -> Subset[ProbeScan]:
    """At most `count` scans, evenly spread over others: read when asked for."""
    return Subset(scans, evenly_spread(range(len(scans)), count))


def scans_of(cfg: Config, ann_file: str, scenes: Sequence[str] | None) -> ProbeScans:
    """Key frames of some scenes as a pretraining config reads them: same sweeps, same range, same voxels."""
    dataset = cfg.train_dataloader.dataset
    frames = KeyFrames(dataset.data_root, ann_file, num_sweeps=dataset.num_sweeps, scenes=scenes)
    return ProbeScans(frames, stated_grid(cfg.model.data_preprocessor))


def scenes_of(cfg: Config, part: str) -> list[str]:
    """Scenes `pretrain`, `probe_train` or `validation` of the fixed cut of the config's training scenes."""
    return cut_scenes(scene_names(cfg.train_dataloader.dataset.data_root, TRAIN_INFOS))[part]


def scans_of_split(cfg: Config, split: str) -> tuple[ProbeScans, ProbeScans]:
    """(labelled training scans, scored scans). split 'validation': scenes cut from the training ones, for choosing
    settings; 'test': the val scenes."""
    train = scans_of(cfg, TRAIN_INFOS, scenes_of(cfg, 'probe_train'))
    if split == 'validation':
        return train, scans_of(cfg, TRAIN_INFOS, scenes_of(cfg, 'validation'))
    return train, scans_of(cfg, TEST_INFOS, None)


def pretraining_scans(cfg: Config, count: int) -> Subset[ProbeScan]:
    """At most `count` key frames of the pretraining scenes, evenly spread."""
    return spread(scans_of(cfg, TRAIN_INFOS, scenes_of(cfg, 'pretrain')), count)


def rows_of_seeds(
    rows: Mapping[str, Sequence[str]], seeds: Sequence[int]
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """A row that names the block `random` stands for one row for each seed, with the blocks `random_<seed>`.

    Returns (rows with such blocks alone: name -> blocks, groups: name of a given row -> its rows).
    """
    single, groups = {}, {}
    for name, blocks in rows.items():
        of_row = [(f'{name}_{seed}', f'random_{seed}') for seed in seeds] if 'random' in blocks else [(name, 'random')]
        groups[name] = [row for row, _ in of_row]
        single |= {row: [network if block == 'random' else block for block in blocks] for row, network in of_row}
    return single, groups


def probe_run(
    cfg: Config,
    rows: Mapping[str, Sequence[str]],
    settings: ProbeSettings,
    *,
    split: str,
    checkpoint: str | Path | None = None,
    seeds: Sequence[int] = (),
    bn_scans: int = 0,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fit and score rows of features of a pretraining run, or of random networks of its shape, on its own data.

    Args:
        cfg: config of the run.
        rows: name -> names of the blocks of features that stand side by side: `raw`, `pillars`, `teacher`, `student`
            (of the checkpoint) and `random` (a network for each seed).
        settings: numbers of the probe.
        split: 'validation' or 'test', see :func:`scans_of_split`.
        checkpoint: of the run; None where no row needs it.
        seeds: of the random networks.
        bn_scans: key frames of the pretraining scenes for the BatchNorm statistics of the random networks.

    Returns:
        ({row: {'miou', 'sd', 'draws', 'seeds'?, 'per_class'}} in percent, facts about the data and the encoder).
    """
    train, scored = scans_of_split(cfg, split)
    blocks = {block for names in rows.values() for block in names}
    init_default_scope('mmdet3d')
    model = MODELS.build(cfg.model).eval() if checkpoint is None else load_pretrained(cfg, checkpoint)
    batch_norm = pretraining_scans(cfg, bn_scans) if 'random' in blocks else ()
    backbones = random_backbones(cfg, model, seeds, batch_norm) if 'random' in blocks else {}
    backbones |= {name: getattr(model, name).backbone for name in ('teacher', 'student') if name in blocks}
    extract = extractor_of(blocks, EncoderFeatures(model, backbones))
    single_rows, groups = rows_of_seeds(rows, seeds)
    confusions = run_probe(train, scored, extract, single_rows, settings)
    facts = {
        'training_scenes': scenes_of(cfg, 'probe_train'),
        'training_scans': len(train),
        'scored_scans': len(scored),
        'batch_norm_scans': len(batch_norm),
        'channels': int(model.student.backbone.out_channels),
        'classes_absent': classes_absent(next(iter(confusions.values()))[0]),
    }
    return summarise(confusions, groups), facts


def probe_checkpoint(
    cfg: Config,
    checkpoint: str | Path,
    settings: ProbeSettings,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    bn_scans: int = 40,
) -> dict[str, Any]:
    """The teacher and the student of a checkpoint beside every baseline on the val scenes; mIoU in percent.

    Returns {row: {'miou', 'sd', 'draws', 'per_class'}, 'protocol': {...}}.
    """
    found, facts = probe_run(
        cfg, TABLE_ROWS, settings, split='test', checkpoint=checkpoint, seeds=seeds, bn_scans=bn_scans
    )
    protocol = {
        'units': 'percent',
        'training_scenes': facts['training_scenes'],
        'scans_per_draw': min(settings.scans_per_draw, facts['training_scans']),
        'draws': settings.n_draws,
        'points_per_class_and_scan': settings.points_per_class,
        'recipe': vars(settings.recipe),
        'test_scans': facts['scored_scans'],
        'batch_norm_scans': facts['batch_norm_scans'],
        'random_seeds': list(seeds),
        'channels': facts['channels'],
        'classes_absent_from_test': facts['classes_absent'],
    }
    return {**found, 'protocol': protocol}
