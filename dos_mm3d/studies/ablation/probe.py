"""Linear probes of the ladder: of one cell's checkpoint, and of the baselines that all rows share.

python -m dos_mm3d.studies.ablation.probe cell CONFIG CHECKPOINT --split validation --out FILE
python -m dos_mm3d.studies.ablation.probe baselines CONFIG --split validation --out FILE
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ...engine.launch import run_tool
from ...files import write_json
from ...probe.checkpoint import batch_norm_scans, scans_of_split, scenes_of
from ...probe.features import EncoderFeatures, pillar_features, raw_features
from ...probe.linear_probe import FeatureBlock
from ...probe.pretrained import load_pretrained, random_backbones
from ...probe.probe import Extractor, ProbeSettings, run_probe
from ...probe.scans import ProbeScan
from ...probe.summary import classes_absent, summarise
from .cells import SPLITS
from .classes import label_counts

CELL_ROWS = {'teacher': ['teacher'], 'teacher_raw': ['teacher', 'raw'], 'student': ['student']}
HANDCRAFTED_ROW = {'teacher_raw_handcrafted': ['teacher', 'pillars', 'raw']}


def baseline_rows(seeds: Sequence[int]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """(rows: name -> feature blocks, groups: name in the record -> rows), one row per seed for random networks."""
    rows = {'raw': ['raw'], 'pillars': ['pillars'], 'handcrafted': ['pillars', 'raw']}
    groups = {name: [name] for name in rows}
    kinds = {'random': [], 'random_raw': ['raw'], 'random_raw_handcrafted': ['pillars', 'raw']}
    for kind, others in kinds.items():
        groups[kind] = [f'{kind}_{seed}' for seed in seeds]
        rows |= {f'{kind}_{seed}': [f'random_{seed}', *others] for seed in seeds}
    return rows, groups


def together(*extractors: Callable[[ProbeScan], dict[str, FeatureBlock]]) -> Extractor:
    """All blocks of several extractors: a scan is read, and voxelised, once."""
    return lambda scan: {name: block for extract in extractors for name, block in extract(scan).items()}


def cell_protocol(protocol: ProbeSettings, *, handcrafted: bool) -> dict[str, Any]:
    """What decides the numbers of a cell's probe beside its checkpoint and the split, as JSON gives it back."""
    rows = {**CELL_ROWS, **(HANDCRAFTED_ROW if handcrafted else {})}
    return {**asdict(protocol), 'rows': rows}


def probe_cell(
    cfg: Config, checkpoint: str | Path, protocol: ProbeSettings, *, split: str, handcrafted: bool
) -> dict[str, Any]:
    """{row: {'miou', 'sd', 'draws', 'per_class'}} of a checkpoint's teacher, teacher + raw and student, in percent.

    handcrafted: also teacher + raw + pillar statistics.
    """
    train, scored = scans_of_split(cfg, split)
    model = load_pretrained(cfg, checkpoint)
    encoders = EncoderFeatures(model, {'teacher': model.teacher.backbone, 'student': model.student.backbone})
    extract = together(raw_features, encoders, *([pillar_features] if handcrafted else []))
    rows = cell_protocol(protocol, handcrafted=handcrafted)['rows']
    return summarise(run_probe(train, scored, extract, rows, protocol), {name: [name] for name in rows})


def probe_baselines(
    cfg: Config, protocol: ProbeSettings, *, split: str, seeds: Sequence[int], bn_scans: int
) -> dict[str, Any]:
    """{'rows': {name: as for a cell}, 'class_points', 'split': facts about the data}: nothing here is pretrained."""
    init_default_scope('mmdet3d')
    train, scored = scans_of_split(cfg, split)
    model = MODELS.build(cfg.model).eval()
    encoders = EncoderFeatures(model, random_backbones(cfg, model, seeds, batch_norm_scans(cfg, bn_scans)))
    rows, groups = baseline_rows(seeds)
    confusions = run_probe(train, scored, together(raw_features, pillar_features, encoders), rows, protocol)
    return {
        'rows': summarise(confusions, groups),
        'class_points': label_counts(train),
        'split': {
            'name': split,
            'training_scenes': scenes_of(cfg, 'probe_train'),
            'training_scans': len(train),
            'scored_scans': len(scored),
            'classes_absent': classes_absent(confusions['raw'][0]),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: probe, add the seconds, write."""
    args = _parser().parse_args(arguments)
    cfg = Config.fromfile(args.config)
    protocol = ProbeSettings(scans_per_draw=args.scans, n_draws=args.draws)
    start = time.perf_counter()
    if args.what == 'cell':
        found: Mapping[str, Any] = probe_cell(
            cfg, args.checkpoint, protocol, split=args.split, handcrafted=args.handcrafted
        )
    else:
        seeds = range(args.seeds)
        found = probe_baselines(cfg, protocol, split=args.split, seeds=seeds, bn_scans=args.bn_scans)
    write_json(args.out, {'found': found, 'seconds': time.perf_counter() - start})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='what', required=True)
    cell = commands.add_parser('cell', help='teacher and student of one checkpoint')
    baselines = commands.add_parser('baselines', help='raw input, pillar statistics, random networks')
    for command in (cell, baselines):
        command.add_argument('config', type=Path)
        command.add_argument('--split', choices=SPLITS, required=True)
        command.add_argument('--out', type=Path, required=True)
        command.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
        command.add_argument('--draws', type=int, default=ProbeSettings.n_draws, help='draws of the labelled scans')
    cell.add_argument('checkpoint', type=Path)
    cell.add_argument('--handcrafted', action='store_true', help='also with the pillar statistics')
    baselines.add_argument('--seeds', type=int, default=3, help='random networks')
    baselines.add_argument('--bn-scans', type=int, default=40, help='scans for their BatchNorm statistics')
    return parser


if __name__ == '__main__':
    run_tool(main)
