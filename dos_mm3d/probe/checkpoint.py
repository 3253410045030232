"""The linear probe of one pretraining checkpoint with all its baselines, as a dictionary for the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from ..datasets.splits import cut_scenes
from .features import AllFeatures, EncoderFeatures
from .pretrained import load_pretrained, random_backbones
from .probe import ProbeSettings, run_probe
from .scans import ProbeScan, ProbeScans, scene_names
from .summary import classes_absent, summarise

TRAIN_INFOS, TEST_INFOS = 'nuscenes_infos_train.pkl', 'nuscenes_infos_val.pkl'


class Spread(Sequence[ProbeScan]):
    """At most `count` scans, evenly spread over others: read when asked for."""

    def __init__(self, scans: Sequence[ProbeScan], count: int) -> None:
        self.scans = scans
        self.numbers = np.unique(np.linspace(0, len(scans) - 1, min(count, len(scans))).round().astype(int))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> ProbeScan:
        return self.scans[int(self.numbers[index])]


def scans_of(cfg: Config, ann_file: str, scenes: Sequence[str] | None) -> ProbeScans:
    """Key frames of some scenes as a pretraining config reads them: same sweeps, same range, same voxels."""
    dataset, preprocessor = cfg.train_dataloader.dataset, cfg.model.data_preprocessor
    grid = preprocessor.get('loss_grid') or preprocessor.voxel_layer
    return ProbeScans(
        dataset.data_root,
        ann_file,
        num_sweeps=dataset.num_sweeps,
        point_cloud_range=grid.point_cloud_range,
        voxel_size=grid.voxel_size,
        scenes=scenes,
    )


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


def batch_norm_scans(cfg: Config, count: int) -> Spread:
    """At most `count` key frames of the pretraining scenes, for the BatchNorm statistics of random networks."""
    return Spread(scans_of(cfg, TRAIN_INFOS, scenes_of(cfg, 'pretrain')), count)


def rows_of_table(seeds: Sequence[int]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(rows: name -> feature blocks, groups: key in the report -> rows). One row per seed for random networks."""
    rows = {'raw': ['raw'], 'handcrafted': ['pillars', 'raw']}
    rows |= {f'random_{seed}': [f'random_{seed}'] for seed in seeds}
    rows |= {f'random_raw_{seed}': [f'random_{seed}', 'raw'] for seed in seeds}
    rows |= {'dos': ['teacher'], 'dos_student': ['student'], 'dos_raw': ['teacher', 'raw']}
    rows |= {'dos_raw_handcrafted': ['teacher', 'pillars', 'raw']}
    groups = {name: [name] for name in rows if not name.startswith('random')}
    groups |= {kind: [f'{kind}_{seed}' for seed in seeds] for kind in ('random', 'random_raw')}
    return rows, groups


def probe_checkpoint(
    cfg: Config,
    checkpoint: str | Path,
    settings: ProbeSettings,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    bn_scans: int = 40,
) -> dict[str, Any]:
    """Probe the teacher and the student of a checkpoint beside every baseline; mIoU in percent.

    Random networks get their BatchNorm statistics from `bn_scans` key frames of the pretraining scenes. The test set
    are all key frames of the val scenes. Returns {row: {'miou', 'sd', 'draws', 'per_class'}, 'protocol': {...}}.
    """
    train, test = scans_of_split(cfg, 'test')
    model = load_pretrained(cfg, checkpoint)
    bn = batch_norm_scans(cfg, bn_scans)
    backbones = random_backbones(cfg, model, seeds, bn)
    backbones |= {'teacher': model.teacher.backbone, 'student': model.student.backbone}
    rows, groups = rows_of_table(seeds)
    confusions = run_probe(train, test, AllFeatures(EncoderFeatures(model, backbones)), rows, settings)
    summary = summarise(confusions, groups)
    summary['protocol'] = {
        'units': 'percent',
        'training_scenes': scenes_of(cfg, 'probe_train'),
        'scans_per_draw': min(settings.scans_per_draw, len(train)),
        'draws': settings.n_draws,
        'points_per_class_and_scan': settings.points_per_class,
        'recipe': vars(settings.recipe),
        'test_scans': len(test),
        'batch_norm_scans': len(bn),
        'random_seeds': list(seeds),
        'channels': int(model.teacher.backbone.out_channels),
        'classes_absent_from_test': classes_absent(confusions['raw'][0]),
    }
    return summary
