"""Compare waymo_detection_metrics with the official op on random scenes and write docs/results/waymo_metric.json.

python -m tests.references.waymo_metric.compare [--official-python work_dirs/waymo_env/bin/python] [--scenes 240]

The op needs an old numpy, so it runs in an environment of its own (Python 3.8 to 3.11, 1.5 GB):

    python3.11 -m venv work_dirs/waymo_env
    work_dirs/waymo_env/bin/pip install tensorflow-cpu==2.13.0 numpy==1.23.5 'protobuf<5' absl-py immutabledict dacite
    work_dirs/waymo_env/bin/pip install --no-deps waymo-open-dataset-tf-2-12-0==1.6.7
"""

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from dos_mm3d.engine.launch import run_tool
from dos_mm3d.errors import InputError
from dos_mm3d.files import check_output, holds_record, write_json
from dos_mm3d.metrics.waymo import waymo_detection_metrics
from dos_mm3d.metrics.waymo.metrics import detection_counts
from dos_mm3d.studies.runner.record import commit, versions

from .scenes import KINDS, Side, joined, pooled, random_scenes

ROOT = Path(__file__).resolve().parents[3]
DEFAULT_PYTHON = ROOT / 'work_dirs' / 'waymo_env' / 'bin' / 'python'
RECORD = ROOT / 'docs' / 'results' / 'waymo_metric.json'
OP = Path(__file__).with_name('official_op.py')
TOLERANCE = 1e-3
CHECK = 'from waymo_open_dataset.metrics.ops import py_metrics_ops'


def main() -> int:
    """0 where every AP and APH of every scene agrees, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--official-python', type=Path, default=DEFAULT_PYTHON)
    parser.add_argument('--scenes', type=int, default=240, help='(default: 240)')
    parser.add_argument('--seed', type=int, default=0, help='of the scenes (default: 0)')
    parser.add_argument('--out', type=Path, default=RECORD, help='the record (default: docs/results/waymo_metric.json)')
    arguments = parser.parse_args()
    check_output(arguments.out, ours=holds_record('largest_difference', 'scenes'))
    check_environment(arguments.official_python)
    scenes = random_scenes(arguments.scenes, arguments.seed)
    scenes.append(pooled(scenes))
    official = run_official(arguments.official_python, scenes)
    ours = [waymo_detection_metrics(*scene) for scene in tqdm(scenes, 'dos_mm3d', unit='scene')]
    record = compared(official, ours, [detection_counts(*scene) for scene in scenes])
    record |= {'scenes': arguments.scenes, 'kinds': [kind.__name__ for kind in KINDS], 'seed': arguments.seed}
    record |= {'versions': versions(), 'official_versions': official['versions'].tolist(), 'commit': commit(ROOT)}
    write_json(arguments.out, record)
    return report(record, arguments.out)


def check_environment(python: Path) -> None:
    """InputError with the way to make it where that Python is missing or cannot import the op."""
    if not python.is_file():
        problem = f'{python}: no such file, wanted the Python of an environment with waymo-open-dataset.'
    else:
        done = subprocess.run([python, '-c', CHECK], capture_output=True, text=True)
        if done.returncode == 0:
            return
        problem = f'{python} cannot import the official op: {(done.stderr.strip().splitlines() or ["killed"])[-1]}'
    recipe = __doc__.partition('\n\nThe op ')[2]
    raise InputError(f'{problem}\nName another with --official-python, or make one. The op {recipe}')


def run_official(python: Path, scenes: list[tuple[Side, Side]]) -> dict[str, NDArray]:
    """What official_op.py writes about these scenes. CalledProcessError where it fails."""
    arrays = {'n_scenes': np.array(len(scenes))}
    for side, name in enumerate(('prediction', 'ground_truth')):
        arrays |= {f'{name}_{key}': array for key, array in joined(*(scene[side] for scene in scenes)).items()}
        arrays[f'{name}_scene'] = np.repeat(np.arange(len(scenes)), [len(scene[side]['frame']) for scene in scenes])
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, 'scenes.npz'), Path(folder, 'official.npz')
        np.savez(given, **arrays)
        subprocess.run([python, OP, given, out], check=True)
        with np.load(out, allow_pickle=False) as file:
            return dict(file)


def compared(official: dict[str, NDArray], ours: list[dict[str, tuple[float, float]]], counts: list[NDArray]) -> dict:
    """Largest differences by breakdown, over the scenes and all of them as one; the last scene's values, both ways."""
    names = official['names'].tolist()
    if list(ours[0]) != names:
        raise ValueError(f'breakdowns {list(ours[0])}, wanted the official {names}')
    values = np.array([[scene[name] for name in names] for scene in ours])
    official_values = np.stack([official['ap'], official['aph']], axis=-1)
    difference = np.abs(values - official_values).max(axis=0)
    # ours holds the misses of both levels in one row per shard
    by_level = np.stack([np.stack(counts)[..., [0, 1, 2]], np.stack(counts)[..., [0, 1, 3]]], axis=2)
    count_difference = np.abs(by_level.reshape(official['counts'].shape) - official['counts']).max(axis=(0, 2, 3))
    rows = {
        name: {'AP': ap, 'APH': aph, 'count': int(count)}
        for name, (ap, aph), count in zip(names, difference.tolist(), count_difference.tolist())
    }
    together = {
        name: {'official': theirs, 'dos_mm3d': mine}
        for name, theirs, mine in zip(names, official_values[-1].tolist(), values[-1].tolist())
    }
    return {
        'largest_difference': {'AP': difference[:, 0].max(), 'APH': difference[:, 1].max()},
        'tolerance': TOLERANCE,
        'largest_difference_by_breakdown': rows,
        'all_scenes_as_one': together,
    }


def report(record: dict[str, Any], path: Path) -> int:
    """Print the verdict; 0 where the largest difference is within the tolerance."""
    largest = record['largest_difference']
    agrees = max(largest.values()) <= TOLERANCE
    counts = max(row['count'] for row in record['largest_difference_by_breakdown'].values())
    print(
        f'{record["scenes"]} scenes: AP differs by at most {largest["AP"]:.1e}, APH by {largest["APH"]:.1e}, '
        f'counts by {counts} ({"agrees" if agrees else "DOES NOT AGREE"}, tolerance {TOLERANCE}); record: {path}'
    )
    return 0 if agrees else 1


if __name__ == '__main__':
    run_tool(main)
