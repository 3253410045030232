"""Broken tables, infos, labels, records and scans: read right, or refused with a named error; nothing else, ever."""

import contextlib
import copy
import io
import json
import os
import pickle
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from mmengine.config import Config

from dos_mm3d.datasets.file_check import check_files
from dos_mm3d.datasets.info_pickle import frames_of, load_info_pickle, load_plain_pickle
from dos_mm3d.datasets.nuscenes.check import TABLES, check_nuscenes
from dos_mm3d.datasets.nuscenes.classes import read_class_table
from dos_mm3d.datasets.nuscenes.scenes import read_scene_of_sample
from dos_mm3d.datasets.nuscenes.sweeps import frame_table
from dos_mm3d.datasets.scannet.raw import files_of, read_categories, read_scan
from dos_mm3d.datasets.semantickitti.convert import prepare_semantickitti
from dos_mm3d.datasets.waymo.check import SEGMENTS_FILE, find_segments
from dos_mm3d.datasets.waymo.convert import prepare_waymo, segment_infos
from dos_mm3d.datasets.waymo.frame_record import read_record, write_record
from dos_mm3d.datasets.waymo.raw.segments import Numbers
from dos_mm3d.datasets.waymo.raw.tfrecord import find_records, read_records
from dos_mm3d.errors import InputError
from dos_mm3d.files import sealed as sealed_pickle
from tests.helpers.fuzz import LENGTHS, altered, broken, put, right_or_named, try_all
from tests.helpers.scannet_files import write_download
from tests.helpers.waymo_raw_files import framed
from tests.test_datasets.test_waymo_records import record

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
VERSION = 'v1.0-trainval'


def linked(source: Path, copy_: Path, *own: str) -> Path:
    """A folder of links to what lies in another one; the named entries are copies."""
    copy_.mkdir()
    for path in source.iterdir():
        if path.name in own:
            shutil.copytree(path, copy_ / path.name)
        else:
            (copy_ / path.name).symlink_to(path)
    return copy_


def restored(path: Path, read: Callable[[], Any], content: bytes) -> bool:
    """The outcome of a reader with another content of a file, which then has its own again."""
    whole = path.read_bytes()
    try:
        return right_or_named(read, put(path, content))
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('kind', ['bytes', 'records'])
def test_nuscenes_tables(synthetic_nuscenes: Path, tmp_path: Path, kind: str, examples: int) -> None:
    root = linked(synthetic_nuscenes, tmp_path / 'nuscenes', VERSION)
    whole = {name: (root / VERSION / f'{name}.json').read_bytes() for name in (*TABLES, 'lidarseg')}
    of = {
        'bytes': lambda name: broken(whole[name]),
        'records': lambda name: altered(json.loads(whole[name])).map(lambda found: json.dumps(found).encode()),
    }[kind]

    def read() -> None:
        check_nuscenes(root, VERSION, 10)
        read_scene_of_sample(root / VERSION)
        read_class_table(root / VERSION / 'category.json')

    def check(example: tuple[str, bytes]) -> None:
        restored(root / VERSION / f'{example[0]}.json', read, example[1])

    names = st.sampled_from(sorted(whole))
    try_all(names.flatmap(lambda name: st.tuples(st.just(name), of(name))), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_nuscenes_readers_of_single_tables(synthetic_nuscenes: Path, tmp_path: Path, examples: int) -> None:
    root = linked(synthetic_nuscenes, tmp_path / 'nuscenes', VERSION) / VERSION
    readers = {
        'scene': read_scene_of_sample,
        'sample': read_scene_of_sample,
        'category': lambda _: read_class_table(root / 'category.json'),
    }
    whole = {name: json.loads((root / f'{name}.json').read_bytes()) for name in readers}

    def check(example: tuple[str, Any]) -> None:
        name, content = example
        restored(root / f'{name}.json', lambda: readers[name](root), json.dumps(content).encode())

    names = st.sampled_from(sorted(whole))
    try_all(names.flatmap(lambda name: st.tuples(st.just(name), altered(whole[name]))), examples, check)


INFOS = {
    'nuscenes': ('centerpoint/centerpoint_voxel01_nuscenes.py', 'nuscenes_infos_train.pkl'),
    'nuscenes sweeps': ('dos/dos_second_nuscenes.py', 'nuscenes_infos_train.pkl'),
    'waymo': ('segmentation/minkunet_waymo.py', 'waymo_infos_train.pkl'),
    'semantickitti': ('segmentation/ptv3_linear_probe_semantickitti.py', 'semantickitti_infos_train.pkl'),
    'scannet': ('segmentation/minkunet_scannet.py', 'scannet_infos_train.pkl'),
}


def innermost(dataset: dict) -> dict:
    while dataset.get('dataset'):
        dataset = dataset['dataset']
    return dataset


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('case', INFOS)
def test_infos_of_another_content(case: str, request: pytest.FixtureRequest, tmp_path: Path, examples: int) -> None:
    """Pickles that are whole, of entries that are not as they should be."""
    config, name = INFOS[case]
    source = request.getfixturevalue(f'synthetic_{case.split()[0]}')
    root = tmp_path / 'root'
    root.mkdir()
    for path in source.iterdir():
        if path.name != name:
            (root / path.name).symlink_to(path)
    dataset = copy.deepcopy(innermost(Config.fromfile(CONFIGS / config).train_dataloader.dataset.to_dict()))
    dataset |= {'data_root': str(root), 'ann_file': name, 'scene_idxs': None}
    for step in dataset['pipeline']:
        if 'db_sampler' in step:
            step['db_sampler'] |= {'data_root': str(root), 'info_path': str(root / 'nuscenes_dbinfos_train.pkl')}
    infos = pickle.loads((source / name).read_bytes())
    infos['data_list'] = infos['data_list'][:2]

    def read() -> None:
        check_files(dataset)
        if 'sweeps' in case:
            prefix = {'pts': str(root / 'samples/LIDAR_TOP'), 'sweeps': str(root / 'sweeps/LIDAR_TOP')}
            frame_table(frames_of(load_info_pickle(root / name), root / name, data_set='x'), prefix)

    (root / name).write_bytes(sealed_pickle(pickle.dumps(infos)))
    assert right_or_named(read, 1 << 20), 'the whole ones are read'

    def check(content: Any) -> None:
        right_or_named(read, put(root / name, pickle.dumps(content)))

    try_all(altered(infos), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('sealed', [True, False])
def test_damaged_pickles(synthetic_nuscenes: Path, tmp_path: Path, sealed: bool, examples: int) -> None:
    """With a checksum never a wrong number; without, as of other converters, never anything but plain content."""
    infos = pickle.loads((synthetic_nuscenes / 'nuscenes_infos_train.pkl').read_bytes())
    infos['data_list'] = infos['data_list'][:1]
    whole = sealed_pickle(pickle.dumps(infos)) if sealed else pickle.dumps(infos)
    path = tmp_path / 'infos.pkl'

    def check(content: bytes) -> None:
        found: list = []
        taken = right_or_named(lambda: found.append(load_info_pickle(path)), put(path, content))
        assert not (sealed and taken) or repr(found[0]) == repr(infos)

    try_all(broken(whole), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_damaged_box_databases(synthetic_nuscenes: Path, tmp_path: Path, examples: int) -> None:
    boxes = pickle.loads((synthetic_nuscenes / 'nuscenes_dbinfos_train.pkl').read_bytes())
    whole = pickle.dumps({name: entries[:2] for name, entries in boxes.items()})
    path = tmp_path / 'dbinfos.pkl'
    try_all(
        broken(whole),
        examples,
        lambda content: right_or_named(lambda: load_plain_pickle(path, data_set='waymo'), put(path, content)),
    )


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """A SemanticKITTI of one sequence of two scans."""
    folder, rng = tmp_path / 'kitti' / 'sequences' / '00', np.random.default_rng(0)
    for name in ('velodyne', 'labels'):
        (folder / name).mkdir(parents=True)
    for number in range(2):
        scan = rng.normal(size=(300, 4)).astype('f4').clip(-50, 50)
        scan[:, 3] = np.abs(scan[:, 3]) % 1
        scan.tofile(folder / f'velodyne/{number:06d}.bin')
        rng.choice([0, 10, 40, 70], 300).astype('u4').tofile(folder / f'labels/{number:06d}.label')
    (folder / 'times.txt').write_text('0.0\n0.1\n')
    return tmp_path / 'kitti'


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('name', ['velodyne/000000.bin', 'velodyne/000001.bin', 'labels/000001.label', 'times.txt'])
def test_semantickitti(sequence: Path, tmp_path: Path, name: str, examples: int) -> None:
    path = sequence / 'sequences/00' / name

    def read() -> None:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            prepare_semantickitti(sequence, out_dir=tmp_path / 'out', workers=1)

    assert right_or_named(read, path.stat().st_size)
    try_all(broken(path.read_bytes()), examples, lambda content: restored(path, read, content))


@pytest.mark.parametrize('examples', LENGTHS)
def test_waymo_records_damaged(tmp_path: Path, examples: int) -> None:
    """An .npz has checksums: what is read is what was written."""
    path, written = tmp_path / 'a.npz', record()
    write_record(path, written)

    def check(content: bytes) -> None:
        found: list = []
        if right_or_named(lambda: found.append(read_record(path)), put(path, content)):
            assert np.array_equal(found[0].box, written.box.astype('f4')) and found[0].frame == written.frame

    try_all(broken(path.read_bytes()), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_waymo_records_of_another_content(synthetic_waymo: Path, tmp_path: Path, examples: int) -> None:
    root = linked(synthetic_waymo, tmp_path / 'waymo', 'training')
    segment = next(iter(find_segments(root).values()))
    path = root / 'training/frame_record' / f'{segment[0]}.npz'
    with np.load(path) as file:
        whole = dict(file)

    def check(example: tuple[str, Any]) -> None:
        name, value = example
        np.savez(path, **{**whole, name: np.array(value) if value is not None else np.zeros(0)})
        right_or_named(lambda: segment_infos(root, 2, segment), path.stat().st_size)

    values = st.one_of(
        st.none(),
        st.integers(-(2**40), 2**40),
        st.floats(),
        st.text(max_size=5),
        st.lists(st.integers(-9, 9), max_size=9),
        st.lists(st.floats(), min_size=7, max_size=7).map(lambda row: [row]),
    )
    try_all(st.tuples(st.sampled_from(sorted(whole)), values), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_waymo_segments_file(tmp_path: Path, synthetic_waymo: Path, examples: int) -> None:
    root = linked(synthetic_waymo, tmp_path / 'waymo')
    entry = {'number': 0, 'bytes': 5, 'frames': 2, 'semantic': [1]}
    whole = {split: {'a': entry} for split in ('training', 'validation', 'testing')}

    def check(content: Any) -> None:
        size = put(root / SEGMENTS_FILE, json.dumps(content).encode())
        right_or_named(lambda: Numbers(root), size)
        right_or_named(lambda: find_segments(root), size)

    try_all(altered(whole), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
def test_tfrecords(tmp_path: Path, examples: int) -> None:
    """The stage that reads them turns ValueError into one line; what is read has its checksum."""
    contents = [bytes(range(40)), b'', b'x' * 300]
    path = tmp_path / 'a.tfrecord'

    def read() -> None:
        try:
            assert all(data == contents[number] for number, data in read_records(path))
            find_records(path)
        except ValueError as error:
            assert str(path) in str(error)
            raise InputError(str(error)) from error

    def check(content: bytes) -> None:
        try:
            right_or_named(read, put(path, content))
        except IndexError:  # more records than there were: some stand twice
            assert len(content) > len(framed(*contents))

    try_all(broken(framed(*contents)), examples, check)


@pytest.mark.parametrize('examples', LENGTHS)
@pytest.mark.parametrize('number', range(5))
def test_scannet(tmp_path: Path, number: int, examples: int) -> None:
    """The mesh, what is known of it, segments, objects, and the label map."""
    write_download(tmp_path / 'scannet')
    folder, labels = tmp_path / 'scannet/scans/scene0000_01', tmp_path / 'scannet/scannetv2-labels.combined.tsv'
    path = [*files_of(folder, True), labels][number]
    whole = path.read_bytes()
    strategy = broken(whole)
    if path.suffix == '.json':
        strategy = strategy | altered(json.loads(whole)).map(lambda found: json.dumps(found).encode())

    def read() -> None:
        read_scan(folder, read_categories(labels))

    assert right_or_named(read, len(whole))
    try_all(strategy, examples, lambda content: right_or_named(read, put(path, content)))


def test_nothing_in_a_pickle_is_executed(tmp_path: Path) -> None:
    """Whatever the name of what would be called, also one that is reached through what is allowed."""
    mark = tmp_path / 'executed'
    calls = [b'cposix\nsystem\n', b'cbuiltins\neval\n', b'cnumpy\nload\n', b'c_codecs\nopen\n', b'cbuiltins\ngetattr\n']
    calls += [b'cnumpy\nndarray.tofile\n', b'\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93']
    for call in calls:
        (tmp_path / 'a.pkl').write_bytes(call + f'(S"touch {mark}"\ntR.'.encode())
        with pytest.raises(InputError, match='not loaded'):
            load_plain_pickle(tmp_path / 'a.pkl', data_set='nuscenes')
    assert not mark.exists() and os.listdir(tmp_path) == ['a.pkl']


@pytest.mark.parametrize('place', [1 << 26, (1 << 32) - 1])
def test_a_number_in_a_pickle_is_no_order_for_memory(tmp_path: Path, place: int) -> None:
    """An empty dict that is to be remembered at a place: CPython makes a table of all before it, 1 GB and 64."""
    size = put(tmp_path / 'a.pkl', b'\x80\x02}r' + place.to_bytes(4, 'little') + b'.')
    assert not right_or_named(lambda: load_plain_pickle(tmp_path / 'a.pkl', data_set='nuscenes'), size)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    many = [{'box': [0.1 * i] * 7, 'name': f'{i:032x}', 'kept': i % 2 == 0} for i in range(20_000)]
    put(tmp_path / 'a.pkl', pickle.dumps(many, protocol=2))
    assert load_plain_pickle(tmp_path / 'a.pkl', data_set='nuscenes') == many
    assert resource.getrlimit(resource.RLIMIT_AS) == limits


def test_a_whole_waymo_is_still_read(synthetic_waymo: Path, tmp_path: Path) -> None:
    """That the altered ones are refused means something only so."""
    with contextlib.redirect_stderr(io.StringIO()):
        prepare_waymo(synthetic_waymo, out_dir=tmp_path, workers=1)
