"""The unlabelled view of SemanticKITTI: which sequences it reads, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from dos_mm3d.datasets.semantickitti.classes import SPLITS
from dos_mm3d.datasets.semantickitti.sweeps import SemanticKittiSweeps
from dos_mm3d.engine.config_overrides import load_with_overrides

ALL = (Path(__file__).parents[2] / 'configs/dos').glob('*_semantickitti.py')
CONFIGS = sorted(path for path in ALL if 'synthetic' not in path.stem)  # the embedded one leaves scenes to the probe


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_configs_name_the_training_sequences_and_follow_the_command_line(path):
    dataset = Config.fromfile(path).train_dataloader.dataset
    assert dataset.type == 'SemanticKittiSweeps'
    assert [f'{number:02d}' for number in dataset.sequences] == list(SPLITS['train'])
    other = load_with_overrides(path, {'sequences': [0, 11], 'data_root': 'elsewhere/'}).train_dataloader.dataset
    assert (other.sequences, other.data_root) == ([0, 11], 'elsewhere/')


def test_scans_of_the_wanted_sequences_are_read_whether_labelled_or_not(synthetic_semantickitti):
    sweeps = SemanticKittiSweeps(str(synthetic_semantickitti), [11, '00'])
    names = [str(Path(file).relative_to(synthetic_semantickitti)) for file in sweeps.frames]
    assert names == [f'sequences/{number}/velodyne/{frame:06d}.bin' for number in ('00', '11') for frame in range(2)]
    points, file = sweeps.load(2)
    assert file.endswith(names[2])
    assert np.array_equal(points.numpy(), np.fromfile(file, np.float32).reshape(-1, 4)), 'remission stays as it is'


def test_what_is_not_there_is_refused(synthetic_semantickitti, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r'sequences/02/velodyne: no such folder.*there: 00, 01, 08, 11.*=\[2\]'
    ):
        SemanticKittiSweeps(str(synthetic_semantickitti))
    with pytest.raises(
        FileNotFoundError, match=r'sequences/00/velodyne: no such folder.*there: none\. Check data_root'
    ):
        SemanticKittiSweeps(str(tmp_path))
    (tmp_path / 'sequences/00/velodyne').mkdir(parents=True)
    with pytest.raises(ValueError, match=r'00/velodyne: found no files; wanted sweeps'):
        SemanticKittiSweeps(str(tmp_path), [0])


@pytest.mark.parametrize('sequences', [[], [22], ['x'], [-1], [0, '00']])
def test_other_numbers_are_refused(sequences):
    with pytest.raises(ValueError, match='sequences must be different ones of 0 to 21'):
        SemanticKittiSweeps('anywhere', sequences)


def test_intensities_of_another_sensor_are_refused(tmp_path):
    points = np.random.default_rng(0).uniform([-20, -20, -2, 0], [20, 20, 2, 255], (600, 4)).astype(np.float32)
    (tmp_path / 'sequences/00/velodyne').mkdir(parents=True)
    points.tofile(tmp_path / 'sequences/00/velodyne/000000.bin')
    with pytest.raises(ValueError, match='found intensities up to 255; wanted remissions from 0 to 1'):
        SemanticKittiSweeps(str(tmp_path), [0])
