"""Write the embedded data set: a procedural world seen by a ray-cast LiDAR, as nuScenes v1.0-trainval.

python tools/create_synthetic.py [--out data/synthetic_nuscenes] [--train-scenes 40] [--val-scenes 12] [--seconds
2.5]"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.datasets.synthetic.writer import Plan, write_dataset


def parse_args() -> argparse.Namespace:
    """The sizes and the seed decide every byte; workers only the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', default='data/synthetic_nuscenes', help='folder to write')
    parser.add_argument('--train-scenes', type=int, default=Plan.train_scenes)
    parser.add_argument('--val-scenes', type=int, default=Plan.val_scenes)
    parser.add_argument('--seconds', type=float, default=Plan.seconds, help='length of a scene, 20 sweeps a second')
    parser.add_argument('--seed', type=int, default=Plan.seed)
    parser.add_argument('--workers', type=int, default=None, help='processes, default one for each CPU')
    parser.add_argument('--force', action='store_true', help='replace an older synthetic data set of other sizes')
    return parser.parse_args()


def main() -> None:
    """Write, and say how long it took."""
    args = parse_args()
    start = time.perf_counter()
    try:
        plan = Plan(args.seed, args.train_scenes, args.val_scenes, args.seconds)
        out = write_dataset(args.out, plan, workers=args.workers, force=args.force)
    except (ValueError, FileExistsError) as error:
        raise SystemExit(f'create_synthetic: {error}') from error
    print(f'{out}: ready after {time.perf_counter() - start:.1f} s')


if __name__ == '__main__':
    main()
