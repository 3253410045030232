"""Real labelled frames that may lie beside the project, in ../shared/data/real: read whole, cut, and probed."""

from pathlib import Path

import pytest

from dos_mm3d.metrics.confusion import iou_percent, miou_percent
from dos_mm3d.probe.features import extractor_of
from dos_mm3d.probe.probe import ProbeSettings, run_probe
from dos_mm3d.probe.rows import FIXED
from dos_mm3d.studies.protocols.encoder_input import EncoderInput, FedScans
from dos_mm3d.studies.protocols.folder_sets import FOLDER_SETS, FolderSet

REAL = Path(__file__).resolve().parents[2] / 'shared' / 'data' / 'real'
# of configs/dos/dos_second_synthetic.py
ENCODER = EncoderInput(
    channels=('x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]'),
    point_cloud_range=(-51.2, -51.2, -5.0, 51.2, 51.2, 3.0),
    voxel_size=(0.2, 0.2, 0.2),
    num_sweeps=2,
    ground_z_m=-1.84,
    forward='y',
)


def frames(dataset: str, folder: str) -> FolderSet:
    if not (REAL / folder).is_dir():
        pytest.skip(f'no real frames at ../shared/data/real/{folder}')
    found = FOLDER_SETS[dataset].at({'root': str(REAL / folder), 'test_root': None})
    found.require()
    return found


@pytest.mark.parametrize(
    ('dataset', 'folder', 'n_frames', 'raw', 'handcrafted'),
    [
        ('range_nuscenes', 'nuscenes_range/train', (16, 6), 36.0, 47.8),
        ('range_semantickitti', 'semantickitti_range/seq00', (5, 2), 23.4, 44.7),
    ],
)
def test_rows_without_a_network_have_the_numbers_of_before(dataset, folder, n_frames, raw, handcrafted):
    """Trained on the first two thirds of a drive, scored on its last quarter; what is scored shows most classes."""
    found = frames(dataset, folder)
    train, scored = (
        FedScans(found.scans(part), ENCODER, frame=found.frame(part)) for part in ('pretrain', 'validation')
    )
    assert (len(train), len(scored)) == n_frames
    confusions = run_probe(
        train,
        scored,
        extractor_of({'raw', 'pillars'}, None),
        {name: FIXED[name] for name in ('raw', 'handcrafted')},
        ProbeSettings(),
        draws=[range(len(train))],
        n_classes=len(found.kind.classes),
    )
    for row, wanted in {'raw': raw, 'handcrafted': handcrafted}.items():
        assert miou_percent(confusions[row][0]) == pytest.approx(wanted, abs=0.5)
    road = found.kind.classes.index('road')
    assert iou_percent(confusions['handcrafted'][0])[road] > 70


def test_kittis_sweeps_with_labels_are_read_whole():
    """Some 40 % of their points have a class: the rest is ignored."""
    found = frames('bin_label', 'semantickitti_seq00')
    scans = found.scans('probe_train')
    assert (len(scans), len(found.scans('validation'))) == (4, 1)
    points, labels = scans.read(0)
    assert points.shape == (len(labels), 4) and len(points) > 100_000
    assert 0.2 < (labels > 0).float().mean() < 0.6
    road = scans.classes.index('road') + 1
    assert points[labels == road, 2].median() == pytest.approx(-1.73, abs=0.15)
