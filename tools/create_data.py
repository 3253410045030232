"""Convert a data set to what mmdet3d trains on, with the arguments of mmdet3d's own create_data.py.

python tools/create_data.py nuscenes --root-path data/synthetic_nuscenes
python tools/create_data.py semantickitti --root-path data/semantickitti"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.datasets.nuscenes_prep import prepare_nuscenes
from dos_mm3d.datasets.semantickitti_prep import prepare_semantickitti


def parse_args() -> argparse.Namespace:
    """Names and meanings as in mmdet3d."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='dataset', required=True)
    nuscenes = commands.add_parser('nuscenes', help='nuScenes, real or embedded')
    nuscenes.set_defaults(prepare=nuscenes_infos)
    nuscenes.add_argument(
        '--root-path', default='data/synthetic_nuscenes', help='folder that holds samples/ and v1.0-*/'
    )
    nuscenes.add_argument('--version', default='v1.0-trainval', help='v1.0-trainval, v1.0-mini or v1.0-test')
    nuscenes.add_argument('--out-dir', default=None, help='where to put the results, default: the root path')
    nuscenes.add_argument('--extra-tag', default='nuscenes', help='prefix of the files written')
    nuscenes.add_argument('--max-sweeps', type=int, default=10, help='previous sweeps listed for each key frame')
    kitti = commands.add_parser('semantickitti', help='SemanticKITTI, real or embedded')
    kitti.set_defaults(prepare=semantickitti_infos)
    kitti.add_argument('--root-path', default='data/semantickitti', help='folder that holds sequences/')
    kitti.add_argument('--out-dir', default=None, help='where to put the results, default: the root path')
    kitti.add_argument('--extra-tag', default='semantickitti', help='prefix of the files written')
    kitti.add_argument('--workers', type=int, default=None, help='threads, default one for each CPU')
    kitti.add_argument('--allow-partial', action='store_true', help='sequences with fewer scans than their times.txt')
    return parser.parse_args()


def nuscenes_infos(args: argparse.Namespace) -> str:
    """mmdet3d's converter; says what was made."""
    out = prepare_nuscenes(
        args.root_path, args.version, out_dir=args.out_dir, extra_tag=args.extra_tag, max_sweeps=args.max_sweeps
    )
    return f'{out}: {args.extra_tag} infos and box database ready'


def semantickitti_infos(args: argparse.Namespace) -> str:
    """Ours, which looks at the files; says what was made."""
    out = prepare_semantickitti(
        args.root_path,
        out_dir=args.out_dir,
        extra_tag=args.extra_tag,
        allow_partial=args.allow_partial,
        workers=args.workers,
    )
    return f'{out}: {args.extra_tag} infos ready'


def main() -> None:
    """Convert; a wrong folder is one sentence, not a traceback."""
    args = parse_args()
    try:
        print(args.prepare(args))
    except (ValueError, FileNotFoundError) as error:
        raise SystemExit(f'create_data: {error}') from error


if __name__ == '__main__':
    main()
