"""Pretrain 200 steps on each folder of real sweeps and write docs/results/real_folders.json, folder by folder.

python -m tests.references.real_folders [--root ../shared/data/real] [--folders NAME ...] [--work-dir DIR]
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import write_json
from dos_mm3d.studies.runner import describe_machine
from dos_mm3d.studies.runner.scalars import read_scalars

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / 'docs' / 'results' / 'real_folders.json'
STEPS = 200
FOLDERS = (
    'nuscenes_demo',
    'nuscenes_range',
    'semantickitti_seq00',
    'semantickitti_range',
    'argoverse2',
    'kitti_object',
)


def main() -> None:
    """Run the folders that were asked for, and keep what the record says of the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--root', type=Path, default=ROOT.parent / 'shared' / 'data' / 'real')
    parser.add_argument('--folders', nargs='+', default=FOLDERS, choices=FOLDERS)
    parser.add_argument('--work-dir', type=Path, default=ROOT / 'work_dirs' / 'real_folders')
    args = parser.parse_args()
    facts = describe_machine()  # before the record itself changes the tree
    for name in args.folders:
        run = pretrain(args.root / name, args.work_dir / name)
        record = json.loads(RECORD.read_text()) if RECORD.is_file() else {'folders': dict.fromkeys(FOLDERS)}
        record |= {'steps': STEPS, 'seed': 0, **facts}
        record['note'] = f'{STEPS} steps on whole sweeps, seed 0, {facts["machine"]["cpus"]} CPU cores.'
        record['folders'][name] = run
        write_json(RECORD, record)
        print(name, run)


def pretrain(data: Path, work_dir: Path) -> dict[str, Any]:
    """Last monitors of a run of tools/train.py, as a user starts it, and its seconds. CalledProcessError where it fails
    or is stopped."""
    command = [sys.executable, 'tools/train.py', 'configs/dos/dos_second_folder.py', '--work-dir', str(work_dir)]
    command += ['--cfg-options', f'data_root={data}', f'max_iters={STEPS}']
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, 'PYTHONPATH': str(ROOT)})
    seconds = time.perf_counter() - start
    scalars = read_scalars(work_dir)
    keys = ('effective_rank', 'cosine_std', 'prototypes_used', 'largest_usage', 'column_entropy', 'loss')
    last = {key: scalars[key]['value'][-1] for key in keys}
    return {'steps': scalars['loss']['step'][-1], 'seconds': seconds, **last}


if __name__ == '__main__':
    run_tool(main)
