"""Convert a data set to what mmdet3d trains on, with the arguments of mmdet3d's own create_data.py.

dos-mm3d data nuscenes --root-path data/synthetic_nuscenes
dos-mm3d data kitti --root-path data/kitti
dos-mm3d data semantickitti --root-path data/semantickitti
dos-mm3d data waymo --root-path data/waymo/kitti_format --raw-path data/waymo/waymo_format
dos-mm3d data scannet --root-path data/scannet
dos-mm3d data zoo_world --out-dir data/zoo_world --scenes 2000
dos-mm3d data modelnet40 --root-path data/modelnet40        (shapenet, shapenetpart, scanobjectnn alike)
dos-mm3d data object_crops --info-path data/nuscenes/nuscenes_dbinfos_train.pkl"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..datasets.file_check import check_files, data_sets_in
from ..datasets.kitti.convert import prepare_kitti
from ..datasets.nuscenes.convert import prepare_nuscenes
from ..datasets.objects.crops import LEAST_POINTS, find_box_database, find_object_folder, prepare_frame_crops
from ..datasets.objects.modelnet40 import find_modelnet40, prepare_few_shot
from ..datasets.objects.prepare import prepare_splits
from ..datasets.objects.scanobjectnn import prepare_scanobjectnn
from ..datasets.objects.shapenet import find_shapenet, find_shapenetpart
from ..datasets.scannet.convert import prepare_scannet
from ..datasets.semantickitti.convert import prepare_semantickitti
from ..datasets.waymo.convert import prepare_waymo
from ..datasets.waymo.gt_database import write_gt_database
from ..datasets.waymo.raw import convert_records
from ..engine.arguments import add_quiet, at_least, number
from ..engine.config_overrides import add_overrides, load_with_overrides
from ..errors import InputError
from ..files import home_path
from ..miniatures.zoo.writer import ZooPlan, write_zoo_world
from ..progress import announce


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """Names and meanings as in mmdet3d."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    commands = parser.add_subparsers(dest='dataset', required=True)
    nuscenes = add_command(commands, 'nuscenes', nuscenes_infos, 'data/synthetic_nuscenes', 'samples/ and v1.0-*/')
    nuscenes.add_argument('--version', default='v1.0-trainval', help='v1.0-trainval, v1.0-mini or v1.0-test')
    kitti = add_command(commands, 'kitti', kitti_infos, 'data/kitti', 'training/ and ImageSets/')
    odometry = add_command(commands, 'semantickitti', checked_infos, 'data/semantickitti', 'sequences/')
    waymo = add_command(commands, 'waymo', waymo_infos, 'data/waymo/kitti_format', 'training/frame_record/')
    waymo.add_argument(
        '--stage',
        choices=('records', 'infos', 'gt_database', 'all'),
        default='all',
        help='default all, one after another; records where there are raw ones',
    )
    waymo.add_argument(
        '--raw-path',
        type=home_path,
        help='folder of training/*.tfrecord, default: waymo_format beside the root path',
    )
    rooms = [
        add_command(commands, name, checked_infos, 'data/scannet', 'scans/ and scans_test/', tag='scannet')
        for name in ('scannet', 'scannet200')  # one reading makes both
    ]
    for command in (nuscenes, waymo):
        command.add_argument('--max-sweeps', type=at_least(0), default=10, help='previous sweeps listed for each frame')
    for command in (kitti, odometry, waymo, *rooms):
        command.add_argument('--workers', type=at_least(1), help='processes, default one for each CPU')
    for command in (odometry, *rooms):
        command.add_argument('--allow-partial', action='store_true', help='data of which some was left out on purpose')
    add_zoo_world(commands)
    add_objects(commands)
    for command in commands.choices.values():
        add_quiet(command)
    return parser


def add_zoo_world(commands: argparse._SubParsersAction) -> None:
    """The command that converts nothing: it writes the varied world, scene by scene, and goes on where it stopped."""
    command = commands.add_parser('zoo_world', help='procedural sweeps of many sensors, for pretraining')
    command.set_defaults(prepare=zoo_world)
    command.add_argument(
        '--out-dir', type=home_path, default='data/zoo_world', help='folder to write (default: data/zoo_world)'
    )
    command.add_argument('--scenes', type=int, default=2000, help='scenes that are to be there, default 2000')
    command.add_argument('--seed', type=at_least(0), default=0)
    command.add_argument('--frames', type=int, default=2, help='frames of a scene, half a second apart, default 2')
    command.add_argument(
        '--sweeps', type=int, nargs='+', default=(1, 10), help='merged in a frame: one of these, default 1 10'
    )
    command.add_argument('--most-points', type=int, default=200_000, help='of a frame, default 200000')
    command.add_argument('--labels', action='store_true', help='write lidarseg labels beside the frames, uint8')
    command.add_argument('--workers', type=at_least(1), help='processes, default one for each CPU')


def add_objects(commands: argparse._SubParsersAction) -> None:
    """The commands of data sets of objects (docs/data/objects.md): all become prepared sets of one form."""
    for name, prepare, root, holds in (
        ('modelnet40', modelnet40, 'data/modelnet40', '<class>/train/*.off or modelnet40_train.txt'),
        ('modelnet40_few_shot', few_shot, 'data/modelnet40_few_shot', '5way_10shot/0.pkl'),
        ('shapenet', shapenet, 'data/shapenet', '<synset>/<model> or <synset>-<model>.npy'),
        ('shapenetpart', shapenetpart, 'data/shapenetpart', 'synsetoffset2category.txt'),
        ('scanobjectnn', scanobjectnn, 'data/scanobjectnn', 'main_split/ and main_split_nobg/'),
    ):
        command = add_command(commands, name, prepare, root, holds, tagged=False)
        if name in ('modelnet40', 'shapenet'):
            command.add_argument('--points', type=at_least(1), help='of an object, default 16384 of a mesh, else all')
            command.add_argument('--seed', type=at_least(0), default=0, help='of the points that are drawn')
        if name in ('modelnet40', 'shapenet', 'shapenetpart'):
            command.add_argument('--workers', type=at_least(1), help='processes, default one for each CPU')
            command.add_argument('--allow-partial', action='store_true', help='some was left out on purpose')
        if name == 'shapenet':
            command.add_argument(
                '--lists', type=home_path, help='folder of train.txt and test.txt, default: all is train'
            )
    crops = commands.add_parser('object_crops', help='objects out of the sweeps of a detection data set')
    crops.set_defaults(prepare=object_crops)
    source = crops.add_mutually_exclusive_group(required=True)
    source.add_argument('--info-path', type=home_path, help='a box database, *_dbinfos_train.pkl')
    source.add_argument(
        '--config', type=home_path, help='of a detector, whose frames of training and validation are cut'
    )
    source.add_argument('--root-path', type=home_path, help='folder of <class>/*.xyz.gz')
    add_overrides(crops, '--cfg-options', 'override values of --config, such as data_root=PATH')
    crops.add_argument('--out-dir', type=home_path, default='data/object_crops')
    crops.add_argument('--margin', type=number(0), default=0.0, help='metres around a box, with --config; default 0')
    crops.add_argument('--least-points', type=at_least(1), help='that an object out of sweeps must have, default 32')
    crops.add_argument('--workers', type=at_least(1), help='processes, default one for each CPU')
    crops.add_argument('--allow-partial', action='store_true', help='some was left out on purpose')


def add_command(
    commands: argparse._SubParsersAction,
    name: str,
    prepare: Callable[[argparse.Namespace], str],
    root: str,
    holds: str,
    tag: str | None = None,
    tagged: bool = True,
) -> argparse.ArgumentParser:
    """The command of a data set with what all have: where it is and, where it gets info files, how these are called."""
    command = commands.add_parser(name, help='real or embedded')
    command.set_defaults(prepare=prepare)
    command.add_argument(
        '--root-path', type=home_path, default=root, help=f'folder that holds {holds} (default: {root})'
    )
    command.add_argument(
        '--out-dir',
        type=home_path,
        help='where to put infos and all that is made for them, default: the root path',
    )
    if tagged:
        command.add_argument('--extra-tag', type=plain_name, default=tag or name, help='prefix of the files written')
    return command


def plain_name(text: str) -> str:
    """The beginning of a file's name, not a way to other folders."""
    if not text or Path(text).name != text or text.startswith('.'):
        raise argparse.ArgumentTypeError(f'wanted the beginning of a file name, without / and not with ., got {text!r}')
    return text


def nuscenes_infos(args: argparse.Namespace) -> str:
    """mmdet3d's converter; says what was made."""
    out = prepare_nuscenes(
        args.root_path, args.version, out_dir=args.out_dir, extra_tag=args.extra_tag, max_sweeps=args.max_sweeps
    )
    return f'{out}: {args.extra_tag} infos and box database ready'


def kitti_infos(args: argparse.Namespace) -> str:
    """mmdet3d's converter, frame by frame; says what was made."""
    out = prepare_kitti(args.root_path, out_dir=args.out_dir, extra_tag=args.extra_tag, workers=args.workers)
    return f'{out}: {args.extra_tag} infos, reduced sweeps and box database ready'


def checked_infos(args: argparse.Namespace) -> str:
    """Ours, which look at the files, of SemanticKITTI and of both label sets of ScanNet; says what was made."""
    prepare = prepare_semantickitti if args.dataset == 'semantickitti' else prepare_scannet
    out = prepare(
        args.root_path,
        out_dir=args.out_dir,
        extra_tag=args.extra_tag,
        allow_partial=args.allow_partial,
        workers=args.workers,
    )
    more = '' if args.dataset == 'semantickitti' else ', points, normals and labels of ScanNet and ScanNet200'
    return f'{out}: {args.extra_tag} infos{more} ready'


def waymo_infos(args: argparse.Namespace) -> str:
    """Ours, from the download or from frame records; says what was made."""
    root, made = Path(args.root_path), []
    out = root if args.out_dir is None else Path(args.out_dir)
    raw = Path(args.raw_path) if args.raw_path else root.parent / 'waymo_format'
    # embedded data have no raw records, and converted ones may have been deleted
    wanted = args.raw_path or any(raw.glob('*/*.tfrecord')) or not any(root.glob('*/frame_record'))
    if args.stage == 'records' or (args.stage == 'all' and wanted):
        convert_records(raw, root, workers=args.workers)
        made.append('frame records')
    if args.stage in ('infos', 'all'):
        prepare_waymo(root, out_dir=out, extra_tag=args.extra_tag, max_sweeps=args.max_sweeps, workers=args.workers)
        made.append('infos')
    if args.stage == 'gt_database' or (args.stage == 'all' and (out / f'{args.extra_tag}_infos_train.pkl').is_file()):
        write_gt_database(root, out_dir=out, extra_tag=args.extra_tag, workers=args.workers)
        made.append('box database')
    return f'{out}: {args.extra_tag} {", ".join(made)} ready'


def zoo_world(args: argparse.Namespace) -> str:
    """Ours; says what was made."""
    plan = ZooPlan(args.seed, args.frames, tuple(args.sweeps), args.most_points, args.labels)
    written = write_zoo_world(args.out_dir, plan, args.scenes, workers=args.workers)
    return f'{args.out_dir}: {args.scenes} scenes ready, {written} of them new'


def modelnet40(args: argparse.Namespace) -> str:
    """Meshes or points; says what was made."""
    splits = find_modelnet40(args.root_path, points=args.points, allow_partial=args.allow_partial)
    prepare_splits(splits, args.out_dir or args.root_path, seed=args.seed, workers=args.workers)
    return f'{args.out_dir or args.root_path}: prepared'


def few_shot(args: argparse.Namespace) -> str:
    """A prepared set for each draw; says how many."""
    folders = prepare_few_shot(args.root_path, args.out_dir or args.root_path)
    return f'{args.out_dir or args.root_path}: {len(folders)} draws prepared'


def shapenet(args: argparse.Namespace) -> str:
    """Meshes or points; says what was made."""
    splits = find_shapenet(args.root_path, lists=args.lists, points=args.points, allow_partial=args.allow_partial)
    prepare_splits(splits, args.out_dir or args.root_path, seed=args.seed, workers=args.workers)
    return f'{args.out_dir or args.root_path}: prepared'


def shapenetpart(args: argparse.Namespace) -> str:
    """Points with their parts; says what was made."""
    splits = find_shapenetpart(args.root_path, allow_partial=args.allow_partial)
    prepare_splits(splits, args.out_dir or args.root_path, workers=args.workers)
    return f'{args.out_dir or args.root_path}: prepared'


def scanobjectnn(args: argparse.Namespace) -> str:
    """A prepared set for each variant; says which."""
    prepared = prepare_scanobjectnn(args.root_path, args.out_dir or args.root_path)
    return f'{args.out_dir or args.root_path}: {", ".join(prepared)} prepared'


def object_crops(args: argparse.Namespace) -> str:
    """Of a box database, of whole frames or of a folder; says what was made."""
    if args.config is None and (args.margin or args.cfg_options):
        raise InputError('--margin and --cfg-options need --config: what lies around a box is in the frame alone')
    if args.root_path is not None and args.least_points is not None:
        raise InputError(
            '--least-points needs --info-path or --config: of a folder every object is taken. Those of few points can '
            'be left out where they are read, by least_points of the data set'
        )
    if args.info_path is None and args.allow_partial:
        raise InputError('--allow-partial needs --info-path: nothing else lists files that may be missing')
    least_points = LEAST_POINTS if args.least_points is None else args.least_points
    if args.config is not None:
        cfg = load_with_overrides(args.config, args.cfg_options)
        settings = dict(margin_m=args.margin, least_points=least_points, workers=args.workers)
        loaders = dict(train=cfg.get('train_dataloader'), val=cfg.get('val_dataloader') or cfg.get('test_dataloader'))
        if missing := [split for split, loader in loaders.items() if not loader]:
            both = ' and no test_dataloader' if missing == ['val'] else ''
            raise InputError(f'{args.config}: has no {missing[0]}_dataloader{both}; wanted the config of a detector')
        splits = {split: loader.dataset for split, loader in loaders.items()}
        for dataset in (one for outer in splits.values() for one in data_sets_in(outer)):
            check_files(dataset)  # of both, before the first is cut
        for split, dataset in splits.items():
            prepare_frame_crops(dataset, args.out_dir, split, **settings)
        return f'{args.out_dir}: prepared'
    if args.info_path:
        kept = dict(least_points=least_points, allow_partial=args.allow_partial)
        splits = [find_box_database(args.info_path, **kept)]
    else:
        splits = find_object_folder(args.root_path)
    prepare_splits(splits, args.out_dir, workers=args.workers)
    return f'{args.out_dir}: prepared'


def main() -> None:
    """Convert, and say what was made."""
    args = make_parser().parse_args()
    source = getattr(args, 'root_path', None)
    announce(f'data: {args.dataset}{f" in {source}" if source else ""}; results: {args.out_dir or source}')
    print(args.prepare(args))
