"""The info files of mmdet3d 1.1 and what its segmentation configs read from seg_info/, made from the scans' stamps."""

from pathlib import Path

import numpy as np
from mmdet3d.datasets import ScanNetDataset

from ...files import open_whole
from ..info_pickle import write_infos
from .classes import CLASSES_20

SEG_INFO = 'seg_info'
POINTS_PER_PATCH = 8192
"""Points that mmdet3d's configs draw from a scan at a time: a scan is listed once for so many of its points."""


def write_scannet_infos(out: Path, tag: str, stamps: dict[str, list[dict]]) -> None:
    """`<tag>_infos_<split>.pkl` of every split that has scans, and seg_info/ where there are labels."""
    metainfo = dict(
        dataset='scannet',
        info_version='1.1',
        categories={name: label for label, name in enumerate(ScanNetDataset.METAINFO['classes'])},
    )
    write_infos(out, tag, metainfo, {split: list(map(info_of, of_split)) for split, of_split in stamps.items()})
    for split, of_split in stamps.items():
        if of_split and split != 'test':
            write_seg_info(out / SEG_INFO, split, of_split)


def info_of(stamp: dict) -> dict:
    """The entry of a scan; the points are aligned already, so the matrix that mmdet3d would apply is the identity."""
    file = f'{stamp["scan"]}.bin'
    info = dict(
        sample_idx=stamp['scan'],
        lidar_points=dict(num_pts_feats=6, lidar_path=file),
        axis_align_matrix=np.eye(4),
        axis_align_matrix_applied=np.array(stamp['align']),
        num_points=stamp['n_points'],
        instances=[],
    )
    if stamp['labelled']:
        info |= dict(
            pts_semantic_mask_path=file,
            pts_instance_mask_path=file,
            instances=[dict(bbox_3d=box, bbox_label_3d=label) for box, label in zip(stamp['boxes'], stamp['labels'])],
        )
    return info


def write_seg_info(folder: Path, split: str, stamps: list[dict]) -> None:
    """`<split>_resampled_scene_idxs.npy` (scans by their points), `<split>_scene_idxs.npy` (each scan once) and
    `<split>_label_weight.npy` ((20,) float32, 1 / ln(1.2 + share of the labelled points), as PointNet++)."""
    n_points = np.array([stamp['n_points'] for stamp in stamps])
    patches = np.round(n_points / n_points.sum() * int(n_points.sum() / POINTS_PER_PATCH)).astype(int)
    counts = np.sum([stamp['nyu40_counts'] for stamp in stamps], axis=0)[list(CLASSES_20)]
    share = counts / max(counts.sum(), 1)
    arrays = dict(
        resampled_scene_idxs=np.repeat(np.arange(len(stamps)), patches).astype(np.int32),
        scene_idxs=np.arange(len(stamps), dtype=np.int32),
        label_weight=(1 / np.log(1.2 + share)).astype(np.float32),
    )
    for name, array in arrays.items():
        with open_whole(folder / f'{split}_{name}.npy') as file:
            np.save(file, array)
