"""Checkpoints of the command line: which config belongs to them, and what does not fit is said before anything runs."""

import sys
from pathlib import Path

import pytest
import torch

from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.sources import config_of, named_path, read_datasets, read_sources, require_different
from dos_mm3d.studies.runner.tool import portable_argument, require_finished, typed_command
from tests.helpers.protocol_fakes import tiny_source

TINY = """
input_channels = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]']
model = dict(type='TinyPretraining', backbone=dict(width={width}), projector=dict(), data_preprocessor=dict(
    voxel_layer=dict(point_cloud_range=[-8, -8, -4, 8, 8, 4], voxel_size=[1, 1, 1])))
train_dataloader = dict(dataset=dict(num_sweeps=2))
train_cfg = dict(max_iters=5)
randomness = dict(seed=3)
"""


@pytest.fixture
def tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models of one linear layer, as wide as the config says."""
    from dos_mm3d.studies.protocols import sources

    class Models:
        build = staticmethod(lambda model: torch.nn.Linear(model['backbone']['width'], 1))

    monkeypatch.setattr(sources, 'MODELS', Models)


def write(folder: Path, *, width: int = 2, value: float = 0.0, file: str = 'iter_5.pth') -> Path:
    folder.mkdir(exist_ok=True)
    (folder / 'config.py').write_text(TINY.format(width=width))
    state = {'weight': torch.full((1, width), value), 'bias': torch.zeros(1)}
    torch.save({'state_dict': state}, folder / file)
    return folder / file


def test_labels_and_paths() -> None:
    assert named_path('nuscenes=a/b.pth') == ('nuscenes', Path('a/b.pth'))
    assert named_path('a/lr=0.1/b.pth') == (None, Path('a/lr=0.1/b.pth'))


def test_a_command_line_with_an_empty_word_can_be_written_down() -> None:
    assert [portable_argument(text) for text in ('', 'plain', '/gone/x/y.pth')][:2] == ['', 'plain']


@pytest.mark.parametrize(
    ('program', 'written'),
    [('tools/run_protocol.py', 'python tools/run_protocol.py'), ('dos-mm3d probe', 'dos-mm3d probe')],
)
def test_a_record_has_the_command_that_was_typed(program: str, written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, 'argv', [program, 'few_shot', '--shots', '4'])
    assert typed_command('run_protocol') == f'{written} few_shot --shots 4'


def test_runs_of_a_data_set_are_numbered(tiny_model: None, tmp_path: Path) -> None:
    paths = [write(tmp_path / name, value=i) for i, name in enumerate('abc')]
    texts = [str(paths[0]), f'joint={paths[1]}', str(paths[2])]
    sources = read_sources(texts, [], DATASETS['synthetic'], {})
    assert [source.name for source in sources] == ['synthetic_0', 'joint_0', 'synthetic_1']
    assert {source.config_file for source in sources} == {path.parent / 'config.py' for path in paths}
    assert (sources[0].record['steps'], sources[0].record['seed']) == (5, 3)
    assert len({source.sha256 for source in sources}) == 3


def test_another_seed_is_the_same_encoder() -> None:
    box = [-8.0, -8.0, -4.0, 8.0, 8.0, 4.0]
    first, second = (tiny_source('synthetic', box, ground_z_m=-1.84, seed=seed) for seed in (0, 1))
    assert first.encoder_hash == second.encoder_hash
    wider = tiny_source('synthetic', [*box[:3], 9.0, *box[4:]], ground_z_m=-1.84)
    assert first.encoder_hash != wider.encoder_hash


def test_a_checkpoint_of_something_else(tiny_model: None, tmp_path: Path) -> None:
    path = write(tmp_path / 'run', width=2)
    (tmp_path / 'run/config.py').write_text(TINY.format(width=3))
    with pytest.raises(ValueError, match=r'iter_5\.pth: not a checkpoint of .*config\.py .*wrong shape.*--config PATH'):
        read_sources([str(path)], [], DATASETS['synthetic'], {})
    torch.save({'state_dict': {'pts_bbox_head.weight': torch.zeros(2)}}, path)
    with pytest.raises(
        ValueError, match=r'or what tools/export_backbone\.py made of it; not a detector or a segmentor'
    ):
        read_sources([str(path)], [], DATASETS['synthetic'], {})


def test_a_config_that_pretrains_nothing(tiny_model: None, tmp_path: Path) -> None:
    path = write(tmp_path / 'run')
    (tmp_path / 'run/config.py').write_text("model = dict(type='CenterPoint')")
    with pytest.raises(ValueError, match=r"config\.py: its model is 'CenterPoint', which is no pretraining.*--config"):
        read_sources([str(path)], [], DATASETS['synthetic'], {})


def test_which_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = write(tmp_path / 'run')
    assert config_of(checkpoint, None, 'synthetic') == tmp_path / 'run/config.py'
    other = tmp_path / 'other.py'
    with pytest.raises(FileNotFoundError, match=r'other\.py: no such config; say which .*iter_5\.pth was trained'):
        config_of(checkpoint, other, 'synthetic')
    other.touch()
    assert config_of(checkpoint, other, 'synthetic') == other
    (tmp_path / 'run/older.py').touch()
    with pytest.raises(FileNotFoundError, match=r'found 2 configs beside the checkpoint.*--config synthetic=PATH'):
        config_of(checkpoint, None, 'synthetic')
    (tmp_path / 'run/older.py').unlink()
    (tmp_path / 'run/config.py').unlink()
    monkeypatch.chdir(Path(__file__).parents[2])
    assert config_of(checkpoint, None, 'synthetic') == Path('configs/dos/dos_second_synthetic.py')
    with pytest.raises(FileNotFoundError, match=r'found 0 configs beside the checkpoint.*--config mine=PATH'):
        config_of(checkpoint, None, 'mine')


def test_what_is_missing_or_doubled(tiny_model: None, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'gone\.pth: no such checkpoint file'):
        read_sources([str(tmp_path / 'gone.pth')], [], DATASETS['synthetic'], {})
    with pytest.raises(FileNotFoundError, match=r'is a folder; give the path of a \.pth file'):
        read_sources([str(tmp_path)], [], DATASETS['synthetic'], {})
    path = write(tmp_path / 'run')
    with pytest.raises(ValueError, match=r'pretrained on what\? Wanted --checkpoint DATASET=PATH'):
        read_sources([str(path)], [], None, {})
    twice = read_sources([str(path)], [], DATASETS['synthetic'], {}) * 2
    with pytest.raises(ValueError, match='are the same checkpoint; wanted runs with other seeds'):
        require_different(twice)


def test_what_would_not_be_used_is_refused(tiny_model: None, tmp_path: Path) -> None:
    path = write(tmp_path / 'run')
    with pytest.raises(ValueError, match=r'--config waymo=...: no checkpoint was pretrained on it.*synthetic'):
        read_sources([str(path)], [f'waymo={path}'], DATASETS['synthetic'], {})
    with pytest.raises(ValueError, match=r'--data-root waymo=...: it is not used; wanted one of synthetic'):
        read_datasets(['synthetic'], [], [f'waymo={tmp_path}'])


@pytest.mark.parametrize('name', sorted(DATASETS))
def test_every_data_set_names_configs_that_are_there(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert Path(DATASETS[name].pretraining).is_file()


def test_a_study_with_failed_cells_ends_with_a_status() -> None:
    cells = [dict(name=name, status=name) for name in ('finished', 'collapsed', 'not run')]
    require_finished(dict(cells=cells))
    lost = [dict(name=f'dos_{number}', status=status) for number, status in enumerate(('failed', 'blocked'))]
    with pytest.raises(SystemExit, match=r'2 of 5 cells gave no number: dos_0, dos_1\. .* --retry-failed'):
        require_finished(dict(cells=cells + lost))
