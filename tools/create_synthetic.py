"""Write the embedded data set: a procedural world seen by a ray-cast LiDAR, as nuScenes v1.0-trainval or as
SemanticKITTI.

python tools/create_synthetic.py [--out data/synthetic_nuscenes] [--train-scenes 40] [--val-scenes 12] [--seconds 2.5]
python tools/create_synthetic.py --format semantickitti [--out data/synthetic_semantickitti] [--train-scenes 4]"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.datasets.synthetic.semantickitti_writer import KittiPlan, write_semantickitti
from dos_mm3d.datasets.synthetic.writer import Plan, write_dataset

FORMATS = {
    'nuscenes': (Plan, write_dataset, {'train_scenes': 'train_scenes', 'val_scenes': 'val_scenes'}),
    'semantickitti': (
        KittiPlan,
        write_semantickitti,
        {'train_scenes': 'train_sequences', 'test_scenes': 'test_sequences', 'columns': 'columns'},
    ),
}
"""format -> its plan, its writer, and the options of the command line that its plan has beside seed and seconds."""


def parse_args() -> argparse.Namespace:
    """The sizes and the seed decide every byte; workers only the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--format', choices=sorted(FORMATS), default='nuscenes', help='in which form')
    parser.add_argument('--out', default=None, help='folder to write, default data/synthetic_<format>')
    parser.add_argument('--train-scenes', type=int, help='default 40, SemanticKITTI: 4 sequences (at most 10)')
    parser.add_argument('--val-scenes', type=int, help='default 12; SemanticKITTI has one')
    parser.add_argument('--test-scenes', type=int, help='SemanticKITTI: sequences without labels, default 1')
    parser.add_argument('--columns', type=int, help='SemanticKITTI: columns of a turn, default 2083')
    parser.add_argument(
        '--seconds',
        type=float,
        help='length of a scene, default 2.5 (20 sweeps a second), SemanticKITTI: 5 (10 a second)',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, default=None, help='processes, default one for each CPU')
    parser.add_argument('--force', action='store_true', help='replace an older synthetic data set of other sizes')
    return parser.parse_args()


def plan_of(args: argparse.Namespace) -> Plan | KittiPlan:
    """The plan of the wanted format; ValueError for an option that it does not have."""
    plan, _, fields = FORMATS[args.format]
    fields = {'seed': 'seed', 'seconds': 'seconds', **fields}
    given = {
        name: getattr(args, name)
        for name in ('seed', 'seconds', 'train_scenes', 'val_scenes', 'test_scenes', 'columns')
    }
    given = {name: value for name, value in given.items() if value is not None}
    if others := sorted(given.keys() - fields.keys()):
        raise ValueError(f'--format {args.format} has no option {", ".join(others)}; it has {", ".join(fields)}')
    return plan(**{fields[name]: value for name, value in given.items()})


def main() -> None:
    """Write, and say how long it took."""
    args = parse_args()
    start = time.perf_counter()
    write = FORMATS[args.format][1]
    try:
        out = write(args.out or f'data/synthetic_{args.format}', plan_of(args), workers=args.workers, force=args.force)
    except (ValueError, FileExistsError) as error:
        raise SystemExit(f'create_synthetic: {error}') from error
    print(f'{out}: ready after {time.perf_counter() - start:.1f} s')


if __name__ == '__main__':
    main()
