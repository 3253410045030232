"""What the disturbed tools work on: the smallest data sets, raw and converted, a tiny pretraining, a tiny segmentor."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint
from pyarrow import feather

from ...datasets.info_pickle import load_info_pickle
from ...files import write_text
from ...miniatures.worlds import WORLDS, thin_nuscenes
from .victims import run

STEPS, INTERVAL = 6, 2
"""Of the pretraining that is disturbed, and its steps between two checkpoints."""
POINTS = 1200
SWEEPS = 4
PRETRAINING = """
_base_ = r'{root}/configs/dos/{base}.py'
point_cloud_range = [-25.6, -25.6, -5.0, 25.6, 25.6, 3.0]
model = dict(
    backbone=dict(
        middle_encoder=dict(
            sparse_shape=[41, 256, 256], base_channels=8, output_channels=16,
            encoder_channels=((8, 8, 8), (8, 8, 16), (16, 16, 16), (16, 16)))),
    projector=dict(hidden_channels=32, out_channels=16),
    head=dict(channels=16, num_prototypes=32),
    data_preprocessor=dict(
        voxel_layer=dict(point_cloud_range=point_cloud_range, voxel_size=[0.2, 0.2, 0.2], max_voxels=(4000, 4000))))
default_hooks = dict(logger=dict(interval=1), checkpoint=dict(interval={interval}, max_keep_ckpts=2))
custom_hooks = [*_base_.custom_hooks]
custom_hooks[-1] = dict(type='CollapseMonitorHook', interval=2)
"""


SIZES = {
    'nuscenes': '--train-scenes 2 --val-scenes 1 --seconds 1 --workers 2',
    'semantickitti': '--train-scenes 1 --test-scenes 1 --seconds 0.2 --columns 160 --workers 1',
    'waymo': '--train-scenes 1 --val-scenes 1 --test-scenes 1 --seconds 0.2 --columns 200 --workers 1',
    'scannet': '--train-scenes 1 --val-scenes 1 --test-scenes 1 --views 6 --spacing 0.2 --workers 1',
}
"""Format -> size of the data set that is written and converted."""


def write_world(folder: Path, raw: Sequence[str]) -> None:
    """Fill a folder; what is there from an interrupted call is written anew.

    raw: formats of which there is a data set that is not converted yet.
    """
    for name in ('nuscenes', 'sweeps', 'run', 'raw'):
        shutil.rmtree(folder / name, ignore_errors=True)
    for kind in raw:
        _must_end_well(writing(kind, folder / 'raw' / kind), folder)
    nuscenes = thin_nuscenes(WORLDS['nuscenes'](folder / 'nuscenes'), POINTS, within_m=25.0)
    write_sweeps(nuscenes, folder / 'sweeps')
    root = Path.cwd()
    for name, base in (('pretraining', 'dos_second_synthetic'), ('folder', 'dos_second_folder')):
        write_text(folder / f'{name}.py', PRETRAINING.format(root=root, base=base, interval=INTERVAL))
    _must_end_well(pretraining(folder / 'pretraining.py', nuscenes, folder / 'run'), folder)
    write_segmentor(folder / 'segmentor.pth')


def _must_end_well(call: Sequence[str], folder: Path) -> None:
    ended = run(call, folder / 'log')
    if ended.status != 0:
        raise RuntimeError(f'{" ".join(call)}: ended with {ended.status} without being disturbed: {ended.text[-2000:]}')


def writing(kind: str, out: Path) -> list[str]:
    """The call of tools/create_synthetic.py."""
    return ['tools/create_synthetic.py', '--format', kind, '--out', str(out), *SIZES[kind].split()]


def pretraining(config: Path, data: Path, work_dir: Path, *, resume: bool = False) -> list[str]:
    """The call of tools/train.py."""
    call = ['tools/train.py', str(config), '--work-dir', str(work_dir), *(['--resume'] if resume else [])]
    return [*call, '--cfg-options', f'data_root={data}/', f'max_iters={STEPS}']


def write_segmentor(path: Path) -> None:
    """Weights of the segmentor that tools/test.py is given; untrained ones give numbers that change as well."""
    init_default_scope('mmdet3d')
    torch.manual_seed(0)
    model = MODELS.build(Config.fromfile('configs/segmentation/minkunet_small_synthetic.py').model)
    save_checkpoint({'state_dict': model.state_dict(), 'meta': {}}, str(path))


def write_sweeps(nuscenes: Path, folder: Path) -> None:
    """A folder for every format that FolderSweeps reads, with the same few sweeps in each."""
    infos = load_info_pickle(nuscenes / 'nuscenes_infos_train.pkl')['data_list']
    for number, info in enumerate(infos[:SWEEPS]):
        file = nuscenes / 'samples/LIDAR_TOP' / info['lidar_points']['lidar_path']
        points = np.fromfile(file, np.float32).reshape(-1, 5)[:, :4]
        points[:, 3] /= 255
        for suffix, write in FORMATS.items():
            path = folder / suffix / f'{number}.{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, points)


def _write_pcd(path: Path, points: np.ndarray) -> None:
    head = (
        'VERSION 0.7\nFIELDS x y z intensity\nSIZE 4 4 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\n'
        f'WIDTH {len(points)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS {len(points)}\nDATA binary\n'
    )
    path.write_bytes(head.encode() + points.tobytes())


def _write_ply(path: Path, points: np.ndarray) -> None:
    columns = ''.join(f'property float {name}\n' for name in ('x', 'y', 'z', 'intensity'))
    head = f'ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n{columns}end_header\n'
    path.write_bytes(head.encode() + points.tobytes())


def _write_feather(path: Path, points: np.ndarray) -> None:
    columns = {name: points[:, i].copy() for i, name in enumerate(('x', 'y', 'z', 'intensity'))}
    feather.write_feather(pyarrow.table(columns), path, compression='uncompressed')


FORMATS = {
    'bin': lambda path, points: points.tofile(path),
    'npy': np.save,
    'npz': lambda path, points: np.savez(path, points=points),
    'pcd': _write_pcd,
    'ply': _write_ply,
    'feather': _write_feather,
}
"""Suffix -> what writes (N, 4) float32 points."""
