"""Linear probes of the ladder: of one cell's checkpoint, and of the baselines that all rows share.

python -m dos_mm3d.studies.ablation.probe cell CONFIG CHECKPOINT --split validation --out FILE
python -m dos_mm3d.studies.ablation.probe baselines CONFIG --split validation --out FILE
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ...engine.launch import run_tool
from ...files import write_json
from ...probe.checkpoint import probe_run, scans_of_split
from ...probe.probe import ProbeSettings
from .cells import SPLITS
from .classes import label_counts

CELL_ROWS = {'teacher': ['teacher'], 'teacher_raw': ['teacher', 'raw'], 'student': ['student']}
HANDCRAFTED_ROW = {'teacher_raw_handcrafted': ['teacher', 'pillars', 'raw']}
BASELINE_ROWS = {
    'raw': ['raw'],
    'pillars': ['pillars'],
    'handcrafted': ['pillars', 'raw'],
    'random': ['random'],
    'random_raw': ['random', 'raw'],
    'random_raw_handcrafted': ['random', 'pillars', 'raw'],
}


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
    rows = cell_protocol(protocol, handcrafted=handcrafted)['rows']
    return probe_run(cfg, rows, protocol, split=split, checkpoint=checkpoint)[0]


def probe_baselines(
    cfg: Config, protocol: ProbeSettings, *, split: str, seeds: Sequence[int], bn_scans: int
) -> dict[str, Any]:
    """{'rows': {name: as for a cell}, 'class_points', 'split': facts about the data}: nothing here is pretrained."""
    rows, facts = probe_run(cfg, BASELINE_ROWS, protocol, split=split, seeds=seeds, bn_scans=bn_scans)
    kept = ('training_scenes', 'training_scans', 'scored_scans', 'classes_absent')
    return {
        'rows': rows,
        'class_points': label_counts(scans_of_split(cfg, split)[0]),
        'split': {'name': split, **{key: facts[key] for key in kept}},
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
