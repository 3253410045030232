"""Detection on KITTI: which config is trained, what is read from the metric, and that points without classes are no
scans to probe."""

from pathlib import Path

import pytest

from dos_mm3d.errors import InputError
from dos_mm3d.files import write_json
from dos_mm3d.studies.protocols.datasets import dataset_named
from dos_mm3d.studies.protocols.downstream import find_config
from dos_mm3d.studies.protocols.finetune import Detection
from dos_mm3d.studies.protocols.training_cell import KITTI, collect_detection
from dos_mm3d.studies.runner.start_record import FILE as START_FILE
from tests.helpers.training_fakes import arguments, pretraining_checkpoint, sources


@pytest.fixture
def tested(tmp_path: Path) -> Path:
    """What a cell leaves: 3D AP 40 and 20 of cars, pedestrians not looked for, no label of a cyclist."""
    numbers = {}
    for name, boxes, strict in (('Car', 9.0, 40.0), ('Pedestrian', 2.0, 20.0), ('Cyclist', 0.0, 0.0)):
        numbers[f'{KITTI}{name}_boxes_moderate'] = boxes
        for kind, more in (('3D', 0.0), ('BEV', 10.0)):
            numbers[f'{KITTI}{name}_{kind}_AP40_moderate_strict'] = strict + more
            numbers[f'{KITTI}{name}_{kind}_AP40_moderate_loose'] = strict + more + 30
    write_json(tmp_path / 'metrics.json', numbers)
    write_json(tmp_path / 'run' / START_FILE, {})
    return tmp_path


def test_means_are_over_the_classes_that_have_labels(tested):
    found = collect_detection(tested)
    assert found['values'] == {'3D strict': 30.0, '3D loose': 60.0, 'BEV strict': 40.0, 'BEV loose': 70.0}
    assert found['per_class'] == {'Car': 40.0, 'Pedestrian': 20.0}


def test_frames_without_any_label_are_refused(tested):
    write_json(tested / 'metrics.json', {f'{KITTI}Car_boxes_moderate': 0.0})
    with pytest.raises(InputError, match=r'none of the frames that were tested has a Car, Pedestrian, Cyclist'):
        collect_detection(tested)


@pytest.mark.parametrize(
    ('pretraining', 'detector'),
    [
        ('dos_second_synthetic_kitti', 'centerpoint/centerpoint_small_kitti.py'),
        ('dos_voxelnet_synthetic_kitti', 'second/second_small_kitti.py'),
    ],
)
def test_a_checkpoint_is_trained_as_the_detector_of_its_voxels(pretraining, detector, synthetic_kitti, tmp_path):
    checkpoint = pretraining_checkpoint(f'configs/dos/{pretraining}.py', tmp_path / 'run')
    dataset = dataset_named('kitti').at(str(synthetic_kitti))
    (source,) = sources(checkpoint, pretrained_on='kitti')
    assert find_config('detection', source, dataset) == Path('configs') / detector
    protocol = Detection(arguments(synthetic_kitti, tmp_path / 'out', (source,), on='kitti', options={'shares': []}))
    protocol.check()
    assert list(protocol.keys) == ['3D strict', '3D loose', 'BEV strict', 'BEV loose']
    assert protocol.labels[0].frames == 2
    assert any('labels to find' in note for note in protocol.notes())


def test_there_is_nothing_to_probe(synthetic_kitti):
    with pytest.raises(InputError, match='kitti has boxes and no class for every point'):
        dataset_named('kitti').at(str(synthetic_kitti)).scans('test')
