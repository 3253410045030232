"""tools/visualize_features.py, from sweep files and a checkpoint to pictures, .ply and the page."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint
from plyfile import PlyData

from tests.helpers.in_process import tool_in_process

ROOT = Path(__file__).resolve().parents[2]
ZOO = ROOT / 'weights' / 'second_small.pth'


@pytest.fixture(scope='module')
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A wall and a ground, the second sweep the same turned by a quarter; a few points lie out of range."""
    folder, generator = tmp_path_factory.mktemp('sweeps'), np.random.default_rng(0)
    ground = generator.uniform([-15, -15, -1.8, 0], [15, 15, -1.7, 0.3], (1500, 4))
    wall = generator.uniform([8, -10, -1.7, 0.6], [8.1, 10, 1.5, 1], (700, 4))
    first = np.concatenate((ground, wall, [[300, 0, 0, 0.5]] * 3))
    second = first[:, [1, 0, 2, 3]]
    files = [folder / 'first.npy', folder / 'second.bin']
    np.save(files[0], first.astype(np.float32))
    second.astype(np.float32).tofile(files[1])
    return files


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Untrained, half way through its schedules, with its config beside it."""
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(ROOT / 'configs/dos/dos_second_synthetic.py')
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('run') / 'iter_5.pth'
    meta = {'iter': 5, 'cfg': cfg.pretty_text}
    save_checkpoint({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': meta}, str(path))
    cfg.dump(path.with_name('config.py'))
    return path


def test_a_checkpoint_with_a_head(checkpoint, sweeps, tmp_path, monkeypatch, capsys) -> None:
    visualize = tool_in_process('visualize_features', monkeypatch)
    visualize(*sweeps, f'--checkpoint={checkpoint}', f'--out-dir={tmp_path}', '--point', 8, 0, '--prototypes', 3, 0)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['0_first.ply', '1_second.ply', 'features.html', 'features.png', 'softmaps.png']
    assert '"kinds":["teacher","teacher, Zipf-Sinkhorn","student"]' in (tmp_path / 'features.html').read_text()
    said = capsys.readouterr().out
    assert said.count('prototype 3: nearest to ') == said.count('prototype 0: nearest to ') == 1
    assert said.count('; most at first.npy: (') == 2
    assert 'first.npy: 2200 points' in said and '3 outside' in said
    assert said.count(', cosine ') == 5
    points = PlyData.read(str(tmp_path / '0_first.ply'))['vertex']
    assert len(points) == 2200
    assert max(points['similarity']) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(points['x'], np.load(sweeps[0])[:2200, 0])


def test_an_exported_file_has_no_softmaps_and_older_ones_go(sweeps, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / 'softmaps.png').write_bytes(b'\x89PNG\r\n\x1a\n of an older call')
    visualize = tool_in_process('visualize_features', monkeypatch)
    visualize(sweeps[0], f'--checkpoint={ZOO}', f'--out-dir={tmp_path}', '--forward=x')
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['0_first.ply', 'features.html', 'features.png']
    said = capsys.readouterr().out
    assert 'no softmaps' in said and 'within a sweep; y ahead' in said
    assert 'similarity' not in PlyData.read(str(tmp_path / '0_first.ply'))['vertex'].data.dtype.names


def test_weights_that_ship_by_name_with_classes_and_clusters(sweeps, tmp_path, monkeypatch, capsys) -> None:
    labels = [tmp_path / 'first.npy', tmp_path / 'second.bin']
    numbers = np.repeat([4, 9, 0], [1500, 700, 3]).astype(np.uint8)
    np.save(labels[0], numbers)
    numbers.tofile(labels[1])
    names = tmp_path / 'names.json'
    names.write_text('{"4": "ground", "9": "wall"}')
    out = tmp_path / 'out'
    monkeypatch.chdir(ROOT)
    visualize = tool_in_process('visualize_features', monkeypatch)
    options = ['--labels', *labels, '--label-names', names, '--clusters', 2]
    visualize(*sweeps, '--checkpoint=second_small', f'--out-dir={out}', *options)
    said = capsys.readouterr().out
    assert 'an exported backbone' in said
    assert 'axes as they are (pretraining had y ahead; --forward says how yours lie)' in said
    points = PlyData.read(str(out / '0_first.ply'))['vertex']
    np.testing.assert_array_equal(points['label'], np.repeat([0, 1], [1500, 700]))
    # ground and wall are as different as anything here, and in the other sweep the same clusters
    found = [PlyData.read(str(path))['vertex'] for path in sorted(out.glob('*.ply'))]
    kinds = [
        {label: np.bincount(np.asarray(one['cluster'][one['label'] == label], int)).argmax() for label in (0, 1)}
        for one in found
    ]
    assert kinds[0] == kinds[1]
    assert kinds[0][0] != kinds[0][1]
    assert '"names":["ground","wall"]' in (out / 'features.html').read_text()


@pytest.mark.parametrize(
    ('more', 'said'),
    [
        (['--clusters', '0'], '--clusters 0: wanted 1 or more'),
        (['--clusters', '300'], 'wanted at most 255'),
        (['--labels', 'a.npy', 'b.npy'], '2 files for 1 sweeps'),
        (['--labels', 'a.npy'], 'a.npy: no such file'),
        (['--label-names', 'a.json'], 'names of which labels'),
        (['--checkpoint=second_smal'], 'those that ship: minkunet, ptv3, second_small'),
        (['--point', '1'], 'wanted X Y or X Y Z'),
        (['--most-used', '0'], 'wanted 1 or more'),
        (['--intensity-max', '-1'], 'wanted a positive number'),
        (['--prototypes', '1'], 'has no head with prototypes'),
        (['--checkpoint=nothing.pth'], 'no such checkpoint file'),
        (['--ground-z', '-1.7'], 'does not say how its own sweeps lay'),
    ],
)
def test_what_cannot_be_done_is_said(more, said, sweeps, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(ROOT)
    visualize = tool_in_process('visualize_features', monkeypatch)
    with pytest.raises(SystemExit, match='1'):
        visualize(sweeps[0], f'--checkpoint={ZOO}', f'--out-dir={tmp_path}', *more)
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_sweep_out_of_range_is_said(sweeps, tmp_path, monkeypatch, capsys) -> None:
    np.save(tmp_path / 'far.npy', np.load(sweeps[0]) + np.float32([0, 0, 50, 0]))
    visualize = tool_in_process('visualize_features', monkeypatch)
    with pytest.raises(SystemExit, match='1'):
        visualize(tmp_path / 'far.npy', f'--checkpoint={ZOO}', f'--out-dir={tmp_path}')
    assert 'none of its 2203 points lies in the range' in capsys.readouterr().err


def test_labels_of_other_points_are_refused(sweeps, tmp_path, monkeypatch, capsys) -> None:
    labels = tmp_path / 'few.label'
    np.full(5, 10, '<u4').tofile(labels)  # cars
    visualize = tool_in_process('visualize_features', monkeypatch)
    with pytest.raises(SystemExit, match='1'):
        visualize(sweeps[0], f'--checkpoint={ZOO}', f'--out-dir={tmp_path / "out"}', '--labels', labels)
    assert '5 labels for 2203 points' in capsys.readouterr().err


def test_a_sweep_is_not_replaced_by_its_own_colours(sweeps, tmp_path, monkeypatch, capsys) -> None:
    (tmp_path / '0_first.ply').write_text('ply of somebody')
    visualize = tool_in_process('visualize_features', monkeypatch)
    with pytest.raises(SystemExit, match='1'):
        visualize(sweeps[0], f'--checkpoint={ZOO}', f'--out-dir={tmp_path}')
    assert 'no older result of this kind' in capsys.readouterr().err
