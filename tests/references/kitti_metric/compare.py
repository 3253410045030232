"""Compare kitti_average_precision with mmdet3d's kitti_eval on random scenes and write the record kitti_metric.json.

python -m tests.references.kitti_metric.compare [--scenes 102]

mmdet3d's rotated IoU is a CUDA kernel; here it runs in numba's simulator, in a process of its own, some seconds of
one core for a scene. What is done is kept below work_dirs/kitti_metric/ and not done again.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.files import check_output, holds_record, read_json, write_json
from dos_mm3d.metrics.kitti import kitti_average_precision
from dos_mm3d.studies.runner.record import commit, versions

from .scenes import KINDS, Scene, random_scenes

ROOT = Path(__file__).resolve().parents[3]
RECORD = ROOT / 'docs' / 'results' / 'kitti_metric.json'
OFFICIAL = Path(__file__).with_name('official.py')
TOLERANCE = 1e-3
"""In percent of AP; mmdet3d computes overlaps in single precision."""
AT_ONCE = 34
Numbers = Mapping[str, float | None]


def main() -> int:
    """0 where every AP of every scene agrees, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--scenes', type=int, default=102, help='(default: 102)')
    parser.add_argument('--seed', type=int, default=0, help='of the scenes (default: 0)')
    parser.add_argument(
        '--out', type=Path, default=RECORD, help='the record (default: kitti_metric.json in docs/results)'
    )
    arguments = parser.parse_args()
    check_output(arguments.out, ours=holds_record('largest', 'kinds', 'tolerance'))
    scenes = random_scenes(arguments.scenes, arguments.seed)
    official = kept_official(scenes, ROOT / 'work_dirs' / 'kitti_metric')
    ours = [kitti_average_precision(*scene) for scene in tqdm(scenes, 'dos_mm3d', unit='scene')]
    record = {
        'scenes': arguments.scenes,
        'frames': sum(len(truth) for truth, _ in scenes),
        'kinds': [kind.__name__ for kind in KINDS],
        'seed': arguments.seed,
        'tolerance': TOLERANCE,
        **largest_difference(official, ours),
        'versions': versions(),
        'commit': commit(ROOT),
    }
    write_json(arguments.out, record)
    agrees = record['largest'] <= TOLERANCE
    print(
        f'{arguments.scenes} scenes, {record["numbers"]} numbers ({record["above_zero"]} above 0, '
        f'{record["not_a_number"]} NaN in mmdet3d): AP differs by at most {record["largest"]:.1e} '
        f'({"agrees" if agrees else "DOES NOT AGREE"}, tolerance {TOLERANCE}); record: {arguments.out}'
    )
    return 0 if agrees else 1


def kept_official(scenes: Sequence[Scene], folder: Path) -> list[Numbers]:
    """What mmdet3d says of the scenes, a few at a time; what a run before has asked is read."""
    answers: list[Numbers] = []
    for first in tqdm(range(0, len(scenes), AT_ONCE), 'mmdet3d', unit=f'{AT_ONCE} scenes'):
        few = scenes[first : first + AT_ONCE]
        path = folder / f'{hashlib.sha256(as_text(few).encode()).hexdigest()[:16]}.json'
        if not path.is_file():
            write_json(path, run_official(few))
        answers += read_json(path)
    return answers


def run_official(scenes: Sequence[Scene]) -> list[Numbers]:
    """What official.py writes about these scenes. CalledProcessError where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, 'scenes.json'), Path(folder, 'official.json')
        given.write_text(as_text(scenes))
        environment = {**os.environ, 'NUMBA_ENABLE_CUDASIM': '1'}
        subprocess.run([sys.executable, OFFICIAL, given, out], check=True, env=environment)
        return read_json(out)


def as_text(scenes: Sequence[Scene]) -> str:
    """The scenes as official.py reads them."""
    return json.dumps(
        [
            [[{name: array.tolist() for name, array in frame.items()} for frame in side] for side in one]
            for one in scenes
        ]
    )


def largest_difference(official: Sequence[Numbers], ours: Sequence[Numbers]) -> dict[str, Any]:
    """Over all scenes and numbers that mmdet3d has; where it has NaN, none is counted."""
    pairs = [
        (name, value, mine[name]) for theirs, mine in zip(official, ours, strict=True) for name, value in theirs.items()
    ]
    numbers = [(name, value, mine) for name, value, mine in pairs if value is not None]
    differences = [abs(value - mine) for _, value, mine in numbers]
    worst = int(np.argmax(differences))
    kinds = {
        kind: max(one for one, (name, _, _) in zip(differences, numbers) if f'_{kind}_' in name)
        for kind in ('3D', 'BEV', '2D', 'AOS')
    }
    return {
        'numbers': len(numbers),
        'above_zero': sum(value > 0 for _, value, _ in numbers),
        'not_a_number': len(pairs) - len(numbers),
        'largest': differences[worst],
        'largest_by_kind': kinds,
        'largest_of': dict(zip(('name', 'mmdet3d', 'dos_mm3d'), numbers[worst])),
        'beyond_tolerance': sum(one > TOLERANCE for one in differences),
    }


if __name__ == '__main__':
    run_tool(main)
