"""The weights that ship: pretraining and downstream configs share encoder, grid, columns and ranks."""

from pathlib import Path

import numpy as np
import pytest
from mmdet3d.registry import DATASETS
from mmengine.config import Config

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.studies.zoo import WEIGHTS, ZOO

ROOT = Path(__file__).resolve().parents[2]
DOWNSTREAM = [(name, path) for name, model in ZOO.items() for path in model.downstream]
LOADS = ('LoadPointsFromFile', 'LoadPointsFromMultiSweeps', 'ObjectSample')
DROPS = ('PointsRangeFilter', 'Pack3DDetInputs', 'TestTimeAug')


def load(path: str) -> Config:
    return Config.fromfile(ROOT / path)


def test_every_config_of_the_zoo_is_in_its_table():
    pretraining = {f'configs/zoo/{path.name}' for path in (ROOT / 'configs/zoo').glob('zoo_*.py')}
    assert pretraining == {model.pretraining for model in ZOO.values()} | {'configs/zoo/zoo_second_folder.py'}
    found = {str(path.relative_to(ROOT)) for path in (ROOT / 'configs').glob('*/*_zoo.py')}
    assert found == {path for _, path in DOWNSTREAM}


@pytest.mark.parametrize(('name', 'path'), DOWNSTREAM, ids=[path.rsplit('/')[-1] for _, path in DOWNSTREAM])
def test_downstream_encoder_grid_and_columns_are_those_of_pretraining(name, path):
    header = (ROOT / path).read_text().split('"""')[1]
    assert path in header and all(f'{word}:' in header for word in ('Command', 'Hardware', 'Expected'))
    pretraining, downstream = load(ZOO[name].pretraining), load(path)
    assert pretraining.input_channels == downstream.input_channels
    assert list(pretraining.voxel_size) == list(downstream.voxel_size)
    ours, theirs = pretraining.model.backbone, downstream.model
    if name.startswith('second'):
        assert kernels(ours.middle_encoder) == kernels(theirs.pts_middle_encoder)
        assert ours.voxel_encoder == theirs.pts_voxel_encoder
        layers = pretraining.model.data_preprocessor.voxel_layer, theirs.data_preprocessor.voxel_layer
        for key in ('voxel_size', 'max_num_points'):
            assert layers[0][key] == layers[1][key]
        # what the front camera sees of KITTI is another part of the scene than pretraining's, at the same height
        heights = [(layer.point_cloud_range[2], layer.point_cloud_range[5]) for layer in layers]
        assert heights[0] == heights[1]
        if 'kitti' not in path:
            assert layers[0].point_cloud_range == layers[1].point_cloud_range
            assert ours.middle_encoder == theirs.pts_middle_encoder
    elif name == 'minkunet':
        assert {**ours.backbone} == {**theirs.backbone}
        assert list(theirs.data_preprocessor.voxel_layer.voxel_size) == list(pretraining.voxel_size)
        assert theirs.decode_head.channels == ours.backbone.decoder_channels[-1]
    else:
        assert all(theirs.backbone[key] == value for key, value in ours.ptv3.items() if key != 'block')
        assert list(theirs.voxel_size) == list(pretraining.voxel_size)


def kernels(middle_encoder: Config) -> dict:
    """What gives a sparse encoder's weights their shapes: all but the grid."""
    return {key: value for key, value in middle_encoder.items() if key != 'sparse_shape'}


@pytest.mark.parametrize(('name', 'path'), DOWNSTREAM, ids=[path.rsplit('/')[-1] for _, path in DOWNSTREAM])
def test_ranks_are_taken_once_of_whole_clouds_in_training_and_in_test(name, path):
    assert load(ZOO[name].pretraining).train_dataloader.dataset.pipeline[1].intensity_ranks is True
    cfg = load(path)
    for loader in (cfg.train_dataloader, cfg.test_dataloader, cfg.get('val_dataloader')):
        if loader is not None:
            require_ranks(steps_of(loader.dataset))
    if 'tta_pipeline' in cfg:
        require_ranks([step.type for step in cfg.tta_pipeline])


def steps_of(dataset: Config) -> list[str]:
    """Types of the steps of a data set's pipeline, wrapped or not."""
    while 'pipeline' not in dataset:
        dataset = dataset.dataset
    return [step.type for step in dataset.pipeline]


def require_ranks(steps: list[str]) -> None:
    place = steps.index('IntensityRanks')
    assert steps.count('IntensityRanks') == 1
    assert all(steps.index(step) < place for step in LOADS if step in steps)
    assert all(steps.index(step) > place for step in DROPS if step in steps)


@pytest.mark.parametrize(('name', 'path'), DOWNSTREAM, ids=[path.rsplit('/')[-1] for _, path in DOWNSTREAM])
def test_downstream_starts_from_the_file_of_the_zoo(name, path):
    cfg = load(path)
    file = cfg.load_from or cfg.model.backbone.init_cfg.checkpoint
    assert Path(file) == WEIGHTS / f'{name}.pth'


def test_going_on_from_the_small_encoder_changes_data_and_length_only():
    first, second = load(ZOO['second_small'].pretraining), load('configs/zoo/zoo_second_folder.py')
    assert first.model == second.model and first.input_channels == second.input_channels
    assert first.train_dataloader.dataset.pipeline == second.train_dataloader.dataset.pipeline
    assert Path(second.load_from) == WEIGHTS / 'second_small.pth'
    assert second.param_scheduler[0].total_steps == second.train_cfg.max_iters == second.max_iters


def test_the_time_lag_of_merged_sweeps_is_a_column_that_the_command_line_names(tmp_path):
    """As docs/data/folder.md has it: time_lag=4 stands where the text 'zero' stood."""
    generator = np.random.default_rng(0)
    sweep = generator.uniform((-20, -20, -2, 0, 0), (20, 20, 3, 255, 0.45), (4000, 5)).astype(np.float32)
    sweep.tofile(tmp_path / 'merged.bin')
    typed = {'data_root': str(tmp_path), 'bin_columns': '5', 'time_lag': '4'}
    cfg = load_with_overrides(ROOT / 'configs/zoo/zoo_second_folder.py', typed)
    points, _ = DATASETS.build(cfg.train_dataloader.dataset).load(0)
    np.testing.assert_allclose(points[:, 4], sweep[:, 4], atol=1e-6)
