"""Checkpoints without files, for the tests of protocols."""

from dataclasses import replace
from pathlib import Path

from dos_mm3d.studies.protocols.base import Source
from dos_mm3d.studies.protocols.datasets import DATASETS, DataSet


def tiny_source(dataset: str, point_cloud_range: list[float], *, ground_z_m: float, seed: int = 0) -> Source:
    """A checkpoint without files; ground_z_m must be the data set's."""
    assert DATASETS[dataset].ground_z_m == ground_z_m
    grid = dict(point_cloud_range=point_cloud_range, voxel_size=[1, 1, 1])
    config = dict(
        model=dict(backbone={}, data_preprocessor=dict(voxel_layer=grid)),
        train_dataloader=dict(dataset={}),
        randomness=dict(seed=seed),
    )
    return Source(dataset, 0, Path('c.pth'), Path('c.py'), config, f'{seed}')


def target(ground_z_m: float) -> DataSet:
    return replace(DATASETS['synthetic'], ground_z_m=ground_z_m)
