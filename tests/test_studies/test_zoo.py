"""Weights that ship: a trained checkpoint goes into the folder and its index, and from there into unmodified models."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from torch import nn

from dos_mm3d.errors import InputError, MissingFileError
from dos_mm3d.export.backbone import read_export
from dos_mm3d.export.files import is_kernel
from dos_mm3d.export.loading import fit_report, other_input, require_fit
from dos_mm3d.studies.zoo import (
    MOST_BYTES,
    WEIGHTS,
    ZOO,
    add_probes,
    add_to_zoo,
    check_files,
    index,
    model_cards,
    read_index,
    zoo_table,
)
from dos_mm3d.studies.zoo.entry import probe_numbers
from tests.helpers.round_trip import load_through_runner, mmdet3d_config
from tools.build_zoo import named_probes

ROOT = Path(__file__).resolve().parents[2]
UNCHANGED = {'second_voxel01': 'centerpoint/centerpoint_voxel01_second_secfpn_8xb4-cyclic-20e_nus-3d.py'}
NAME = 'second_small'


def write_sweeps(folder: Path) -> None:
    """Two scenes of one scan of two merged sweeps: a road, a wall, boxes; x y z intensity time lag."""
    rng = np.random.default_rng(0)
    for scene in range(2):
        n = 4000
        points = np.zeros((n, 5), np.float32)
        points[:, :2] = rng.uniform(-20, 20, (n, 2))
        points[:, 2] = -1.8 + rng.normal(0, 0.03, n) + (rng.random(n) < 0.3) * rng.uniform(0, 2, n)
        points[:, 3] = rng.exponential(20, n).clip(0, 255)
        points[n // 2 :, 4] = 0.1
        path = folder / f'scene_{scene:06d}' / 'frame_00.bin'
        path.parent.mkdir(parents=True)
        points.tofile(path)


@pytest.fixture(scope='module')
def zoo(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder of weights made from a run of two steps, which are in no way trained."""
    base = tmp_path_factory.mktemp('zoo')
    write_sweeps(base / 'world')
    from mmengine.runner import Runner

    from dos_mm3d.engine.config_overrides import load_with_overrides

    tiny = {
        'data_root': str(base / 'world'),
        'max_iters': 2,
        'max_points': 3000,
        'work_dir': str(base / 'run'),
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'default_hooks.logger.interval': 1,
        'default_hooks.checkpoint.interval': 2,
    }
    cfg = load_with_overrides(ROOT / ZOO[NAME].pretraining, tiny)
    Runner.from_cfg(cfg).train()
    add_to_zoo(NAME, base / 'run' / 'iter_2.pth', folder=base / 'weights')
    return base / 'weights'


def downstream_model(name: str) -> nn.Module:
    """The model that weights are for, mmdet3d's own where it has one of that size, all its values drawn anew."""
    torch.manual_seed(3)
    config = mmdet3d_config(UNCHANGED[name]) if name in UNCHANGED else Config.fromfile(ROOT / ZOO[name].downstream[0])
    model = copy.deepcopy(config.model)
    if 'init_cfg' in model.get('backbone', {}):
        model.backbone.pop('init_cfg')
    return MODELS.build(model)


def names_in(model: nn.Module, name: str) -> str:
    """The name that a tensor of a file has in a model: PTv3's file has those of a detector."""
    return name if name in model.state_dict() else name.replace('pts_middle_encoder.ptv3.', 'backbone.')


def assert_file_is_in(path: Path, model: nn.Module) -> None:
    """Every tensor of a file is in a model, in float32 and to the bit; some were stored in half precision."""
    state, export = model.state_dict(), read_export(path)['state_dict']
    for name, value in export.items():
        found = state[names_in(model, name)]
        wanted = value.permute(4, 0, 1, 2, 3) if is_kernel(value) else value
        assert found.dtype == (torch.float32 if wanted.is_floating_point() else wanted.dtype)
        assert torch.equal(found, wanted.to(found.dtype)), name
    assert any(value.dtype == torch.float16 for value in export.values())


def test_a_small_run_becomes_a_file_that_loads_tensor_for_tensor(zoo, tmp_path):
    check_files(zoo)
    path = zoo / f'{NAME}.pth'
    assert path.stat().st_size < 0.62 * 4 * sum(v.numel() for v in read_export(path)['state_dict'].values())
    model = downstream_model(NAME)
    require_fit(model, path)
    assert_file_is_in(path, load_through_runner(model, path, tmp_path))
    encoder = {name for name in model.state_dict() if name.startswith('pts_middle_encoder.')}
    assert encoder == set(read_export(path)['state_dict'])


@pytest.mark.parametrize('name', ZOO)
def test_a_file_that_ships_loads_into_the_model_that_it_is_for(name, tmp_path):
    entries = read_index(ROOT / WEIGHTS)
    if name not in entries:
        pytest.skip(f'{WEIGHTS / name}.pth is not there: it has not been trained yet')
    path, model = ROOT / WEIGHTS / entries[name]['file'], downstream_model(name)
    if name == 'ptv3':
        config = Config.fromfile(ROOT / ZOO[name].downstream[0]).model
        config.backbone.init_cfg.checkpoint = str(path)
        model = MODELS.build(config)
        model.init_weights()
    else:
        load_through_runner(model, path, tmp_path)
    assert_file_is_in(path, model)


def test_the_files_that_ship_are_those_of_their_index():
    check_files(ROOT / WEIGHTS)
    pages = (ROOT / 'docs/model_zoo.md').read_text()
    entries = read_index(ROOT / WEIGHTS)
    assert zoo_table(entries) in pages and model_cards(entries) in pages


def test_the_entry_says_what_the_weights_are(zoo):
    entry = read_index(zoo)[NAME]
    assert (entry['steps'], entry['data']['scenes'], entry['data']['sweeps']) == (2, 2, 2)
    assert entry['seconds'] >= 0 and entry['licence'] == 'Apache-2.0' and 'zoo_world' not in entry['data']['root']
    assert entry['exported']['half_difference'] <= 1e-3 and entry['exported']['intensity_ranks'] is True
    assert 'max_iters = 2' in entry['config']
    text = model_cards({NAME: entry})
    assert entry['sha256'] in text and text.count('not run') == 3 and 'Not there yet.' in text
    assert f'| `weights/{NAME}.pth` |' in zoo_table({NAME: entry})


def test_a_damaged_a_missing_and_a_strange_file_are_found(zoo, tmp_path):
    copied = shutil.copytree(zoo, tmp_path / 'weights')
    (copied / 'other.pth').write_bytes(b'')
    with pytest.raises(InputError, match=r'holds other\.pth, which the index does not know'):
        check_files(copied)
    (copied / 'other.pth').unlink()
    content = bytearray((copied / f'{NAME}.pth').read_bytes())
    content[len(content) // 2] ^= 1
    (copied / f'{NAME}.pth').write_bytes(content)
    with pytest.raises(InputError, match='the index says'):
        check_files(copied)
    (copied / f'{NAME}.pth').unlink()
    with pytest.raises(FileNotFoundError, match='is in the index'):
        check_files(copied)


def test_what_is_too_large_or_of_another_config_leaves_all_as_it_was(zoo, monkeypatch):
    checkpoint, before = zoo.parent / 'run' / 'iter_2.pth', sorted(zoo.iterdir())
    stamps = [path.stat().st_mtime_ns for path in before]
    with pytest.raises(InputError, match=r'model\.backbone|input_channels'):
        add_to_zoo('minkunet', checkpoint, folder=zoo)
    monkeypatch.setattr(index, 'MOST_BYTES', 1000)
    with pytest.raises(InputError, match='wanted at most 1000'):
        add_to_zoo(NAME, checkpoint, folder=zoo)
    assert sorted(zoo.iterdir()) == before and [path.stat().st_mtime_ns for path in before] == stamps


def test_sizes_are_limited_one_by_one_and_together():
    index.check_sizes({'a': MOST_BYTES, 'b': MOST_BYTES, 'c': MOST_BYTES}, WEIGHTS)
    with pytest.raises(InputError, match='a would have'):
        index.check_sizes({'a': MOST_BYTES + 1}, WEIGHTS)
    with pytest.raises(InputError, match='together'):
        index.check_sizes(dict.fromkeys('abcd', MOST_BYTES), WEIGHTS)


def test_pretraining_goes_on_from_a_file_on_both_sides(zoo, tmp_path):
    path = zoo / f'{NAME}.pth'
    config = Config.fromfile(ROOT / 'configs/zoo/zoo_second_folder.py')
    model = MODELS.build(config.model)
    report = fit_report(model, read_export(path)['state_dict'])
    assert not report.unexpected and not report.wrong_shape
    load_through_runner(model, path, tmp_path)
    for side in (model.student, model.teacher):
        state = side.backbone.state_dict()
        for name, value in read_export(path)['state_dict'].items():
            wanted = value.permute(4, 0, 1, 2, 3) if is_kernel(value) else value
            assert torch.equal(state[name.replace('pts_', '', 1)], wanted.to(state[name.replace('pts_', '', 1)].dtype))
    assert other_input(read_export(path)['meta'], config) == []
    wrong = {**config, 'voxel_size': [0.1] * 3, 'train_dataloader': None}
    assert [text.split()[2] for text in other_input(read_export(path)['meta'], wrong)] == [
        'voxel_size',
        'intensity_ranks=True;',
    ]


def write_record(path: Path, sha256: str, miou: float) -> Path:
    """A whole record of one checkpoint."""
    record = dict(
        sources=[dict(sha256=sha256)],
        complete=True,
        title='Linear probe',
        metric='mIoU [%]',
        split='test',
        settings=dict(points_per_class_and_scan=1000, embedded_labels=[dict(points_per_class_and_scan=70)]),
        datasets=[dict(title='embedded nuScenes')],
        columns=[dict(name='miou', title='20 labelled scans')],
        rows=[dict(title='DOS', entries=dict(miou=dict(mean=miou, sd=1.0, values={})))],
        command='x',
        commit='y',
    )
    path.write_text(json.dumps(record))
    return path


def test_a_record_of_another_checkpoint_is_refused(tmp_path):
    write_record(tmp_path / 'r.json', 'a' * 64, 30.0)
    found = probe_numbers(tmp_path / 'r.json', 'a' * 64, Path('iter_1.pth'))
    assert found['rows'] == {'DOS': {'miou': {'mean': 30.0, 'sd': 1.0}}}
    with pytest.raises(InputError, match=r'of iter_2\.pth alone, which is bbbb'):
        probe_numbers(tmp_path / 'r.json', 'b' * 64, Path('iter_2.pth'))
    for text, said in (('x', 'is no JSON'), ('[1]', 'holds a list')):
        (tmp_path / 'r.json').write_text(text)
        with pytest.raises(InputError, match=said):
            probe_numbers(tmp_path / 'r.json', 'a' * 64, Path('iter_1.pth'))


def test_probes_of_a_file_that_ships_replace_those_of_their_title(zoo, tmp_path):
    copied = shutil.copytree(zoo, tmp_path / 'weights')
    sha256 = read_index(copied)[NAME]['sha256']
    add_probes(NAME, {'real_nuscenes': write_record(tmp_path / 'a.json', sha256, 30.0)}, copied)
    add_probes(NAME, {'embedded_nuscenes': write_record(tmp_path / 'b.json', sha256, 40.0)}, copied)
    entry = add_probes(NAME, {'real_nuscenes': write_record(tmp_path / 'c.json', sha256, 50.0)}, copied)
    assert entry == read_index(copied)[NAME]
    found = {title: probe['rows']['DOS']['miou']['mean'] for title, probe in entry['probes'].items()}
    assert found == {'real_nuscenes': 50.0, 'embedded_nuscenes': 40.0}
    assert {**entry, 'probes': {}} == read_index(zoo)[NAME]
    said = 'test split, 1000 points of a class in a scan, 70 in an embedded one (`c.json`):'
    assert said in model_cards({NAME: entry})
    older = copy.deepcopy(entry)
    for probe in older['probes'].values():
        del probe['points_per_class'], probe['points_per_class_embedded']
    assert 'test split, 100 points of a class in a scan (`c.json`):' in model_cards({NAME: older})
    trained = json.loads((tmp_path / 'c.json').read_text()) | {'settings': {'kind': 'finetune'}}
    (tmp_path / 'e.json').write_text(json.dumps(trained))
    entry = add_probes(NAME, {'fine_tuning': tmp_path / 'e.json'}, copied)
    assert 'fine_tuning, mIoU [%], test split (`e.json`):' in model_cards({NAME: entry}), 'no probe has no points'
    other = write_record(tmp_path / 'd.json', entry['checkpoint_sha256'], 60.0)
    with pytest.raises(InputError, match=rf'of .*{NAME}\.pth alone'):
        add_probes(NAME, {'real_nuscenes': other}, copied)
    with pytest.raises(InputError, match='has no ptv3; give the checkpoint'):
        add_probes('ptv3', {}, copied)
    (copied / f'{NAME}.pth').write_bytes(b'')
    with pytest.raises(InputError, match='the index says'):
        add_probes(NAME, {}, copied)
    assert read_index(copied)[NAME] == entry


@pytest.mark.parametrize('texts', [['r.json'], ['a=r.json', 'a=s.json']])
def test_probes_have_a_title_each(texts):
    with pytest.raises(InputError, match='wanted TITLE=RECORD for each'):
        named_probes(texts)


def test_what_cannot_be_added_is_said_before_it_is_exported(tmp_path):
    with pytest.raises(MissingFileError, match=r'no\.pth: no such checkpoint file'):
        add_to_zoo(NAME, tmp_path / 'no.pth', folder=tmp_path / 'weights')
    assert not list((tmp_path / 'weights').iterdir())
    torch.save({'state_dict': {}}, tmp_path / 'iter_1.pth')
    with pytest.raises(InputError, match='no log of its training lies beside it'):
        add_to_zoo(NAME, tmp_path / 'iter_1.pth', folder=tmp_path / 'weights')
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='is a file; wanted a folder'):
        add_to_zoo(NAME, tmp_path / 'iter_1.pth', folder=tmp_path / 'file')
