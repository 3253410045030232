"""Write the embedded data set: a procedural world seen by a ray-cast LiDAR, as nuScenes v1.0-trainval, as KITTI, as
SemanticKITTI or as Waymo; rooms seen by a depth camera, as ScanNet's download; or objects of forty classes, as prepared
sets (clean, scanned, with parts) or as ModelNet40, ScanObjectNN and ShapeNetPart are downloaded.

dos-mm3d synthetic [--out data/synthetic_nuscenes] [--train-scenes 40] [--val-scenes 12] [--seconds 2.5]
dos-mm3d synthetic --out data/synthetic_many --train-scenes 300 --seconds 0.5 --last-sweeps 2
dos-mm3d synthetic --format kitti [--out data/synthetic_kitti] [--train-scenes 20] [--val-scenes 6]
dos-mm3d synthetic --format semantickitti [--out data/synthetic_semantickitti] [--train-scenes 4]
dos-mm3d synthetic --format waymo [--out data/synthetic_waymo] [--train-scenes 4] [--val-scenes 2]
dos-mm3d synthetic --format scannet [--out data/synthetic_scannet] [--train-scenes 20] [--val-scenes 5]
dos-mm3d synthetic --format objects [--out data/synthetic_objects] [--train-objects 50]
dos-mm3d synthetic --format modelnet40 | scanobjectnn | shapenetpart [--out ...] [--train-objects 50]"""

import argparse
import dataclasses
import time
from typing import Any

from ..engine.arguments import add_quiet, at_least
from ..errors import InputError
from ..files import home_path
from ..miniatures.kitti_writer import KittiPlan, write_kitti
from ..miniatures.nuscenes_writer import NuScenesPlan, write_nuscenes
from ..miniatures.object_world import formats
from ..miniatures.object_world.writer import PreparedPlan, write_objects
from ..miniatures.scannet_writer import ScanNetPlan, write_scannet
from ..miniatures.semantickitti_writer import SemanticKittiPlan, write_semantickitti
from ..miniatures.staging import SyntheticPlan
from ..miniatures.waymo_writer import WaymoPlan, write_waymo
from ..progress import announce
from ..units import duration

FORMATS = {
    'kitti': (KittiPlan, write_kitti),
    'modelnet40': (formats.ModelNetPlan, formats.write_modelnet40),
    'nuscenes': (NuScenesPlan, write_nuscenes),
    'objects': (PreparedPlan, write_objects),
    'scannet': (ScanNetPlan, write_scannet),
    'scanobjectnn': (formats.ScanObjectNNPlan, formats.write_scanobjectnn),
    'semantickitti': (SemanticKittiPlan, write_semantickitti),
    'shapenetpart': (formats.ShapeNetPartPlan, formats.write_shapenetpart),
    'waymo': (WaymoPlan, write_waymo),
}
"""format -> its plan and its writer."""
OPTIONS = {
    '--train-scenes': (int, 'default 40, KITTI: 20, SemanticKITTI: 4 sequences (at most 10), Waymo: 4, ScanNet: 20'),
    '--val-scenes': (int, 'default 12, KITTI: 6, Waymo: 2, ScanNet: 5; SemanticKITTI has one'),
    '--test-scenes': (int, 'all but nuScenes: scenes without labels, default 1'),
    '--seconds': (
        float,
        'length of a scene, default 2.5 (20 sweeps a second), KITTI: 2.5 (2), SemanticKITTI: 5, Waymo: 2.5 (10)',
    ),
    '--last-sweeps': (int, 'nuScenes: of each scene write only so many, default all'),
    '--columns': (int, 'of a turn, KITTI and SemanticKITTI: default 2083, Waymo: 2650'),
    '--views': (int, 'ScanNet: depth images of a scan, default 40'),
    '--spacing': (float, 'ScanNet: metres between vertices, default 0.035'),
    '--train-objects': (int, 'objects of each class to train on, default 50'),
    '--val-objects': (int, 'default 0, ShapeNetPart: 8'),
    '--test-objects': (int, 'default 20'),
    '--points': (int, 'of each object, default 2048; meshes of ModelNet40 are whole'),
}
"""Sizes; which of them a format has, its plan says."""


def make_parser(**more: Any) -> argparse.ArgumentParser:
    """The sizes and the seed decide every byte; workers only the time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, **more)
    parser.add_argument('--format', choices=sorted(FORMATS), default='nuscenes', help='in which form')
    parser.add_argument('--out', type=home_path, help='folder to write, default data/synthetic_<format>')
    for name, (kind, text) in OPTIONS.items():
        parser.add_argument(name, type=kind, help=text)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=at_least(1), default=None, help='processes, default one for each CPU')
    add_quiet(parser)
    parser.add_argument('--force', action='store_true', help='replace an older synthetic data set of other sizes')
    return parser


def option_of(field: str) -> str:
    """Option of the command line for a field of a plan: train_scenes for train_segments, spacing for spacing_m."""
    return field.removesuffix('_m').replace('sequences', 'scenes').replace('segments', 'scenes')


def plan_of(args: argparse.Namespace) -> SyntheticPlan:
    """The plan of the wanted format; InputError for an option that it does not have."""
    plan, _ = FORMATS[args.format]
    left_out = getattr(plan, 'NOT_ASKED', ())  # of what formats share, what this one would do nothing with
    fields = {option_of(field.name): field.name for field in dataclasses.fields(plan) if field.name not in left_out}
    options = vars(args).keys() - {'format', 'out', 'workers', 'force'}
    given = {name: getattr(args, name) for name in options if getattr(args, name) is not None}
    if others := sorted(given.keys() - fields.keys()):
        raise InputError(f'--format {args.format} has no option {", ".join(others)}; it has {", ".join(fields)}')
    return plan(**{fields[name]: value for name, value in given.items()})


def sizes(plan: SyntheticPlan) -> str:
    """What a plan says, for the reader."""
    found = ((option_of(field.name), getattr(plan, field.name)) for field in dataclasses.fields(plan))
    return ', '.join(f'{name.replace("_", " ")} {value}' for name, value in found if value is not None)


def main() -> None:
    """Write, and say how long it took."""
    args = make_parser().parse_args()
    plan, out, start = plan_of(args), args.out or f'data/synthetic_{args.format}', time.perf_counter()
    announce(f'synthetic: a data set in the format {args.format}, {sizes(plan)}; results: {out}')
    out = FORMATS[args.format][1](out, plan, workers=args.workers, force=args.force)
    print(f'{out}: ready after {duration(time.perf_counter() - start)}')
