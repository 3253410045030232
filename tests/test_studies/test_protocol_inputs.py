"""What a pretrained encoder is fed of other data: columns, scales, height, range."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from dos_mm3d.probe.scans import LabelledScans
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.encoder_input import (
    EncoderInput,
    FedScans,
    SensorFrame,
    channel_plan,
    sweeps_of,
    to_channels,
)

NUSCENES = ('x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]')
KITTI = ('x [m]', 'y [m]', 'z [m]', 'intensity 0-1')
WAYMO = ('x [m]', 'y [m]', 'z [m]', 'tanh(intensity)', 'elongation')
BOX = (-8.0, -8.0, -4.0, 8.0, 8.0, 4.0)


class Planted(LabelledScans):
    """One scan: 60 points in a cube of 10 m around the origin, the last 20 of an older sweep."""

    names, sequences, classes = ['scan'], ['s'], ('a', 'b')

    def __init__(self, channels: tuple[str, ...] = KITTI) -> None:
        self.channels = channels
        generator = torch.Generator().manual_seed(0)
        self.points = 20 * torch.rand((60, len(channels)), generator=generator) - 10
        self.labels = torch.randint(0, 3, (40,), generator=generator)

    def read(self, index: int) -> tuple[Tensor, Tensor]:
        return self.points, self.labels


def input_of(channels: tuple[str, ...] = KITTI, ground_z_m: float | None = None) -> EncoderInput:
    return EncoderInput(channels, BOX, (0.5, 0.5, 0.5), 1, ground_z_m)


def test_intensity_is_scaled_and_a_missing_time_lag_is_zero() -> None:
    points = torch.tensor([[1.0, 2.0, 3.0, 0.5], [4.0, 5.0, 6.0, 1.0]])
    out = to_channels(points, channel_plan(NUSCENES, KITTI))
    torch.testing.assert_close(out, torch.tensor([[1.0, 2, 3, 127.5, 0], [4, 5, 6, 255, 0]]))
    back = to_channels(out, channel_plan(KITTI, NUSCENES))
    torch.testing.assert_close(back, points)
    torch.testing.assert_close(to_channels(points, channel_plan(WAYMO, KITTI))[:, 3:], torch.tensor([[0.5, 0], [1, 0]]))


def test_its_own_data_are_left_exactly_as_they_are() -> None:
    points = torch.rand(50, 5) * 255
    assert torch.equal(to_channels(points, channel_plan(NUSCENES, NUSCENES)), points)


def test_columns_are_found_by_name_not_by_place() -> None:
    given = ('intensity 0-1', 'x [m]', 'z [m]', 'y [m]')
    points = torch.tensor([[0.1, 1.0, 3.0, 2.0]])
    torch.testing.assert_close(to_channels(points, channel_plan(KITTI, given)), torch.tensor([[1.0, 2.0, 3.0, 0.1]]))


def test_a_channel_that_cannot_be_made_is_named() -> None:
    with pytest.raises(ValueError, match=r'fed x \[m\], red 0-1; the data have x \[m\], y \[m\], .*, and no red'):
        channel_plan(('x [m]', 'red 0-1'), KITTI)


def test_the_ground_is_brought_to_where_pretraining_had_it() -> None:
    scans = Planted()
    plain = FedScans(scans, input_of())[0]
    lifted = FedScans(scans, input_of(ground_z_m=-1.84), frame=SensorFrame(ground_z_m=0.0))[0]
    expected = scans.points.clone()
    expected[:, 2] -= 1.84
    inside = ((expected[:, :3] >= torch.tensor(BOX[:3])) & (expected[:, :3] < torch.tensor(BOX[3:]))).all(1)
    torch.testing.assert_close(lifted.points, expected[inside])
    unknown = FedScans(scans, input_of(ground_z_m=-1.84))[0]
    assert torch.equal(unknown.points, plain.points)


def test_points_out_of_the_range_go_with_their_labels() -> None:
    scans = Planted()
    scan = FedScans(scans, input_of())[0]
    inside = ((scans.points[:, :3] >= torch.tensor(BOX[:3])) & (scans.points[:, :3] < torch.tensor(BOX[3:]))).all(1)
    assert torch.equal(scan.labels, scans.labels[inside[:40]])
    assert torch.equal(scan.points[scan.key_rows], scans.points[:40][inside[:40]])
    assert len(scan.points) == int(inside.sum())


def test_points_out_of_the_common_range_are_seen_but_not_counted() -> None:
    scans = Planted()
    box = (-3.0, -8.0, -8.0, 3.0, 8.0, 8.0)
    plain, scored = FedScans(scans, input_of())[0], FedScans(scans, input_of(), score_range=box)[0]
    assert torch.equal(plain.points, scored.points)
    counted = (plain.points[plain.key_rows, 0].abs() < 3) & (plain.labels > 0)
    assert torch.equal(scored.labels, plain.labels[counted])
    assert torch.equal(scored.key_rows, plain.key_rows[counted])
    assert 0 < int(counted.sum()) < int((plain.labels > 0).sum())


def test_input_is_read_from_the_config_and_survives_json() -> None:
    grid = dict(point_cloud_range=list(BOX), voxel_size=[1, 1, 1])
    sweeps = dict(type='NuScenesSweeps', num_sweeps=3)
    config = dict(
        model=dict(data_preprocessor=dict(voxel_layer=grid)), train_dataloader=dict(dataset=dict(members=[sweeps]))
    )
    found = EncoderInput.of(config, KITTI, SensorFrame(-1.7, 'x'))
    assert (found.channels, found.num_sweeps, found.voxel_size) == (KITTI, 3, (1.0, 1.0, 1.0))
    assert (found.ground_z_m, found.forward) == (-1.7, 'x')
    stated = EncoderInput.of({**config, 'ground_z_m': None, 'forward_axis': 'y'}, KITTI, SensorFrame(-1.7, 'x'))
    assert (stated.ground_z_m, stated.forward) == (None, 'y')
    assert EncoderInput.of({**config, 'input_channels': list(NUSCENES)}, KITTI, SensorFrame()).channels == NUSCENES
    again = EncoderInput(**json.loads(json.dumps(asdict(found))))
    assert asdict(FedScans(Planted(), again)[0]).keys() == asdict(FedScans(Planted(), found)[0]).keys()


def test_sweeps_of_a_mixture_are_those_of_the_members_that_are_drawn_from() -> None:
    members = dict(
        nuscenes=dict(dataset=dict(type='NuScenesSweeps', num_sweeps=10)), waymo=dict(dataset=dict(type='WaymoSweeps'))
    )
    assert sweeps_of(dict(type='JointSweeps', members=members, use=['waymo'])) is None
    assert sweeps_of(dict(type='JointSweeps', members=members, use=['waymo', 'nuscenes'])) == 10
    assert sweeps_of(dict(type='JointSweeps', members=members, use=None)) == 10


def test_a_probes_cell_knows_how_its_scans_are_read(tmp_path: Path) -> None:
    """Height of the ground and reading pipeline decide the numbers: another of either is another cell."""
    kitti = DATASETS['semantickitti']
    assert kitti.reading == kitti.at(str(tmp_path)).reading, 'not where the files lie'
    others = [replace(kitti, ground_z_m=-1.0), replace(kitti, read_with='configs/segmentation/_base_/waymo.py')]
    assert all(other.reading != kitti.reading for other in others)
