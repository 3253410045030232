"""Linear probe of a pretraining checkpoint beside its baselines: tools/linear_probe.py CONFIG CHECKPOINT --out FILE."""

import os

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import dos_mm3d  # noqa: F401  registers the package and repairs upstream bugs
from dos_mm3d.engine import launch
from dos_mm3d.files import write_json
from dos_mm3d.probe.checkpoint import probe_checkpoint
from dos_mm3d.probe.probe import ProbeSettings


def parse_args() -> argparse.Namespace:
    """Config and checkpoint of a run of tools/train.py with configs/dos; the numbers of the probe."""
    parser = argparse.ArgumentParser(description='Linear probe of the per-point classes on frozen features')
    launch.add_common_arguments(parser)
    parser.add_argument('checkpoint', help='pretraining checkpoint')
    parser.add_argument('--out', type=Path, required=True, help='JSON file to write')
    parser.add_argument('--scans', type=int, default=ProbeSettings.scans_per_draw, help='labelled scans of a draw')
    parser.add_argument('--draws', type=int, default=ProbeSettings.n_draws, help='draws of the labelled scans')
    parser.add_argument('--seeds', type=int, default=3, help='random networks to compare with')
    parser.add_argument('--bn-scans', type=int, default=40, help="scans for the random networks' BatchNorm statistics")
    return parser.parse_args()


def main() -> None:
    """Probe, write, print one line per row."""
    args = parse_args()
    cfg = launch.load_config(args)
    start = time.perf_counter()
    settings = ProbeSettings(scans_per_draw=args.scans, n_draws=args.draws)
    result = probe_checkpoint(cfg, args.checkpoint, settings, seeds=range(args.seeds), bn_scans=args.bn_scans)
    result['seconds'] = time.perf_counter() - start
    write_json(args.out, result)
    for name, row in result.items():
        if isinstance(row, dict) and 'miou' in row:
            print(f'{name:>20}  mIoU {row["miou"]:5.1f}' + (f' +- {row["sd"]:.1f}' if row['sd'] is not None else ''))


if __name__ == '__main__':
    launch.run_tool(main)
