"""Convert a data set to what mmdet3d trains on, with the arguments of mmdet3d's own create_data.py.

python tools/create_data.py nuscenes --root-path data/synthetic_nuscenes
python tools/create_data.py semantickitti --root-path data/semantickitti
python tools/create_data.py waymo --root-path data/waymo/kitti_format --raw-path data/waymo/waymo_format
python tools/create_data.py scannet --root-path data/scannet"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dos_mm3d.datasets.nuscenes.convert import prepare_nuscenes
from dos_mm3d.datasets.scannet.convert import prepare_scannet
from dos_mm3d.datasets.semantickitti.convert import prepare_semantickitti
from dos_mm3d.datasets.waymo.convert import prepare_waymo
from dos_mm3d.datasets.waymo.gt_database import write_gt_database
from dos_mm3d.engine.launch import run_tool
from tools.waymo_environment import records_python
from tools.waymo_records.stage import convert_records


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
    waymo = commands.add_parser('waymo', help='Waymo, real or embedded')
    waymo.set_defaults(prepare=waymo_infos)
    waymo.add_argument(
        '--stage',
        choices=('records', 'infos', 'gt_database', 'all'),
        default='all',
        help='default all, one after another; records where there are raw ones',
    )
    waymo.add_argument(
        '--root-path', default='data/waymo/kitti_format', help='folder of the results; holds training/frame_record/'
    )
    waymo.add_argument(
        '--raw-path',
        default=None,
        help='folder of the download; holds training/*.tfrecord (default: waymo_format beside)',
    )
    waymo.add_argument('--waymo-python', type=Path, default=None, help='of the environment with waymo-open-dataset')
    waymo.add_argument('--create-environment', action='store_true', help='make that environment where there is none')
    waymo.add_argument('--extra-tag', default='waymo', help='prefix of the files written')
    waymo.add_argument('--max-sweeps', type=int, default=10, help='previous frames listed for each')
    waymo.add_argument('--workers', type=int, default=None, help='processes, default one for each CPU')
    for name in ('scannet', 'scannet200'):
        scannet = commands.add_parser(name, help='ScanNet and ScanNet200, real or embedded: one reading makes both')
        scannet.set_defaults(prepare=scannet_infos)
        scannet.add_argument('--root-path', default='data/scannet', help='folder that holds scans/ and scans_test/')
        scannet.add_argument('--out-dir', default=None, help='where to put the results, default: the root path')
        scannet.add_argument('--extra-tag', default='scannet', help='prefix of the info files')
        scannet.add_argument('--workers', type=int, default=None, help='processes, default one for each CPU')
        scannet.add_argument('--allow-partial', action='store_true', help='splits of which scans are missing')
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


def waymo_infos(args: argparse.Namespace) -> str:
    """Ours, from the download or from frame records; says what was made."""
    out, made = Path(args.root_path), []
    raw = Path(args.raw_path) if args.raw_path else out.parent / 'waymo_format'
    # embedded data have no raw records, and converted ones may have been deleted
    wanted = args.raw_path or any(raw.glob('*/*.tfrecord')) or not any(out.glob('*/frame_record'))
    if args.stage == 'records' or (args.stage == 'all' and wanted):
        convert_records(
            raw,
            out,
            find_python=lambda: records_python(args.waymo_python, create=args.create_environment),
            workers=args.workers,
        )
        made.append('frame records')
    if args.stage in ('infos', 'all'):
        prepare_waymo(out, extra_tag=args.extra_tag, max_sweeps=args.max_sweeps, workers=args.workers)
        made.append('infos')
    if args.stage == 'gt_database' or (args.stage == 'all' and (out / f'{args.extra_tag}_infos_train.pkl').is_file()):
        write_gt_database(out, extra_tag=args.extra_tag, workers=args.workers)
        made.append('box database')
    return f'{out}: {args.extra_tag} {", ".join(made)} ready'


def scannet_infos(args: argparse.Namespace) -> str:
    """Ours, both label sets; says what was made."""
    out = prepare_scannet(
        args.root_path,
        out_dir=args.out_dir,
        extra_tag=args.extra_tag,
        allow_partial=args.allow_partial,
        workers=args.workers,
    )
    return f'{out}: {args.extra_tag} infos, points, normals and labels of ScanNet and ScanNet200 ready'


def main() -> None:
    """Convert, and say what was made."""
    args = parse_args()
    print(args.prepare(args))


if __name__ == '__main__':
    run_tool(main)
