"""Probes on folders of labelled frames: what is trained on and scored, how it is fed, what is wrong is named."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.registry import init_default_scope

from dos_mm3d.cli import run_protocol as tool
from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError, UserError
from dos_mm3d.export.config_text import takes_ranks
from dos_mm3d.functional.intensity import rank_intensity
from dos_mm3d.probe.frames import TranslatedScans
from dos_mm3d.probe.rows import FIXED
from dos_mm3d.studies.protocols import probe_cell as cell_tool
from dos_mm3d.studies.protocols.datasets import DATASETS
from dos_mm3d.studies.protocols.draws import Draws
from dos_mm3d.studies.protocols.embedded_labels import embedded_scans
from dos_mm3d.studies.protocols.encoder_input import EncoderInput, FedScans, SensorFrame
from dos_mm3d.studies.protocols.folder_sets import FOLDER_SETS, FolderSet, read_folder_set
from dos_mm3d.studies.protocols.linear_probe import FewShot, LinearProbe
from dos_mm3d.studies.protocols.probe_plan import ProbePlan
from dos_mm3d.studies.protocols.runner import build_record
from dos_mm3d.studies.protocols.sources import Source
from dos_mm3d.studies.protocols.table import full_text
from dos_mm3d.studies.runner import Study, file_sha256
from tests.helpers.labelled_folders import write_range_images

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/dos/dos_second_synthetic.py'


@pytest.fixture(scope='module')
def folders(synthetic_nuscenes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Frames to train on, and frames of other scenes to score, of another size."""
    base = tmp_path_factory.mktemp('range')
    train = write_range_images(synthetic_nuscenes, base / 'train', part='probe_train')
    return train, write_range_images(synthetic_nuscenes, base / 'test', part='test', height=11)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the small sparse encoder, untrained."""
    folder = tmp_path_factory.mktemp('checkpoint')
    cfg = load_with_overrides(CONFIG, {})
    init_default_scope('mmdet3d')
    torch.manual_seed(1)
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, folder / 'model.pth')
    return folder / 'model.pth'


def source_of(checkpoint: Path, **more: Any) -> Source:
    config = load_with_overrides(CONFIG, {}).to_dict()
    return Source('synthetic', 0, checkpoint, CONFIG, config, file_sha256(checkpoint), **more)


def at(folders: tuple[Path, Path], **more: Any) -> FolderSet:
    return FOLDER_SETS['range_nuscenes'].at({'root': str(folders[0]), 'test_root': str(folders[1]), **more})


def copied(folders: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in folders)


def change(file: Path, edit) -> None:
    image = np.load(file)['range_image']
    edit(image)
    np.savez_compressed(file, range_image=image)


def without_classes(image: np.ndarray) -> None:
    image[..., 5] = 10


def test_layers_are_trained_on_one_folder_and_scored_on_the_other(folders, synthetic_nuscenes):
    dataset = at(folders)
    dataset.require()
    train, scored = dataset.scans('probe_train'), dataset.scans('test')
    assert (len(train), len(scored)) == (2, 4)
    assert scored.names[0] == '00000.npz' and set(scored.sequences) == {'test'}
    embedded = DATASETS['synthetic'].at(str(synthetic_nuscenes)).scans('test', num_sweeps=1)
    for index in range(4):
        (points, labels), (theirs, their_labels) = scored.read(index), embedded.read(index)
        assert torch.equal(points, theirs[:, :4])
        assert torch.equal(labels, TranslatedScans(embedded, scored.classes, dataset.class_of).label_of[their_labels])
        assert len(labels.unique()) > 3


def test_without_a_second_folder_the_last_frames_are_scored_and_there_is_no_test_split(folders):
    alone = FOLDER_SETS['range_nuscenes'].at({'root': str(folders[1]), 'test_root': None})
    assert [alone.scans(part).names for part in ('probe_train', 'validation')] == [
        ['00000.npz', '00001.npz'],
        ['00003.npz'],
    ]
    with pytest.raises(InputError, match='--split test needs the folder that is scored: --test-root PATH'):
        alone.part('test')


def test_a_frame_that_is_trained_on_is_not_scored(folders, tmp_path):
    train, test = copied(folders, tmp_path)
    shutil.copy(train / '00001.npz', test / 'new_name.npz')
    with pytest.raises(InputError, match=r'new_name\.npz is scored and is the very same as .*train/00001\.npz'):
        at((train, test)).require()


def test_frames_without_labels_are_refused_where_they_would_be_drawn_and_counted_where_not(folders, tmp_path):
    train, test = copied(folders, tmp_path)
    change(test / '00000.npz', without_classes)
    at((train, test)).require()
    assert at((train, test)).record['scored_frames_without_labels'] == 1
    for name in ('00001', '00002', '00003'):
        change(test / f'{name}.npz', without_classes)
    with pytest.raises(InputError, match='test: no point of its 4 frames to score has a class'):
        at((train, test)).require()
    change(train / '00000.npz', without_classes)
    with pytest.raises(InputError, match=r'00000\.npz: no point of it has a class, nor of 0 more of the 2 frames'):
        at((train, test)).require()


def test_the_frames_of_another_data_set_are_refused_before_anything_runs(folders, tmp_path):
    train, test = copied(folders, tmp_path)
    with pytest.raises(InputError, match=r'00000\.npz: found .*Give its own --dataset'):
        read_folder_set('range_semantickitti', str(train), str(test), None)
    change(test / '00002.npz', lambda image: image[..., 5].__iadd__(7 * (image[..., 5] == 9)))
    change(test / '00002.npz', lambda image: np.copyto(image[:1, :, 5], 12))
    with pytest.raises(InputError, match=r'00002\.npz: found the classes \[12'):
        read_folder_set('range_nuscenes', str(train), str(test), None)


def test_the_hash_follows_what_the_files_hold(folders, tmp_path):
    train, test = copied(folders, tmp_path)
    before = at((train, test)).hash()
    assert before == at(folders).hash(), 'not where they lie'
    change(test / '00000.npz', without_classes)
    assert before != at((train, test)).hash()


def test_folders_are_named_for_the_sets_that_have_them(folders):
    with pytest.raises(InputError, match='--dataset range_nuscenes needs --train-root PATH'):
        read_folder_set('range_nuscenes', None, str(folders[1]), None)
    with pytest.raises(InputError, match=r'--test-root is for --dataset range_nuscenes, .*, got --dataset synthetic'):
        read_folder_set('synthetic', None, str(folders[1]), None)
    assert read_folder_set('synthetic', None, None, None) is None


@pytest.mark.parametrize('name', FOLDER_SETS)
def test_every_class_of_the_embedded_world_has_an_answer(name):
    dataset = FOLDER_SETS[name]
    assert set(dataset.class_of) == set(DATASETS['synthetic'].classes)
    assert set(dataset.class_of.values()) - {None} <= set(dataset.kind.classes)
    assert 'Never predicted' in dataset.from_embedded('x').note or set(dataset.class_of.values()) >= set(
        dataset.kind.classes
    )


KITTI_INPUT = EncoderInput(
    ('x [m]', 'y [m]', 'z [m]', 'intensity 0-255', 'time lag [s]'), (-60, -60, -6, 60, 60, 6), (1, 1, 1), 1, -1.84, 'y'
)


def test_a_frame_of_kitti_is_brought_to_what_nuscenes_was(synthetic_semantickitti):
    """Scale of the intensity, no time lag, height of the road, what is ahead along y, x to the right."""
    root = str(synthetic_semantickitti / 'sequences/00')
    dataset = FOLDER_SETS['bin_label'].at({'root': root, 'test_root': None})
    scans = dataset.scans('pretrain') if len(dataset.kind.format.find(Path(root))) > 3 else None
    scans = scans or replace(dataset, test_root=str(synthetic_semantickitti / 'sequences/01')).scans('pretrain')
    points, _ = scans.read(0)
    fed = FedScans(scans, KITTI_INPUT, frame=dataset.frame('test')).fed(points)
    x, y, z, intensity = points.T
    wanted = torch.stack((-y, x, z - 1.84 + 1.73, intensity * 255, torch.zeros_like(x)), 1)
    torch.testing.assert_close(fed, wanted)
    ranked = FedScans(scans, replace(KITTI_INPUT, intensity_ranks=True), frame=dataset.frame('test')).fed(points)
    torch.testing.assert_close(ranked[:, 3], rank_intensity(intensity))
    assert torch.equal(ranked[:, [0, 1, 2, 4]], fed[:, [0, 1, 2, 4]])
    unit = replace(KITTI_INPUT, channels=scans.channels, intensity_ranks=True)
    torch.testing.assert_close(FedScans(scans, unit).fed(points)[:, 3], rank_intensity(intensity) / 255)


def test_a_turn_there_and_back_changes_nothing_and_is_left_out_where_an_axis_is_not_known(folders):
    scans = at(folders).scans('test')
    points, _ = scans.read(0)
    unknown = replace(KITTI_INPUT, forward=None)
    for encoder, frame in ((KITTI_INPUT, SensorFrame(None, 'y')), (unknown, SensorFrame(None, 'x'))):
        assert torch.equal(FedScans(scans, encoder, frame=frame).fed(points)[:, :3], points[:, :3])
    there = FedScans(scans, KITTI_INPUT, frame=SensorFrame(None, 'x')).fed(points)
    back = FedScans(scans, replace(KITTI_INPUT, forward='x'), frame=SensorFrame(None, 'y')).fed(there)
    assert torch.equal(back[:, :3], points[:, :3])
    assert not torch.equal(there[:, :3], points[:, :3])


def test_ranks_follow_what_pretraining_was_fed(checkpoint):
    source = source_of(checkpoint)
    assert not source.input.intensity_ranks
    assert source_of(checkpoint, force_ranks=True).input.intensity_ranks
    config = json.loads(json.dumps(source.config))
    config['train_dataloader']['dataset']['pipeline'][0]['intensity_ranks'] = True
    assert replace(source, config=config).input.intensity_ranks
    assert 'ranks' in replace(source, config=config).input.note
    assert not takes_ranks(dict(dataset=dict(pipeline=[dict(type='TwoViews', intensity_ranks=False)])))


def run(folder: Path, dataset: FolderSet, source: Source, rows: dict, kind: str, draws: Draws) -> dict:
    """A cell as its command line runs it, in this process."""
    plan = ProbePlan(dataset, 'test', draws, bn_scans=1, points_per_class=30)
    cell = plan.cell('cell', source, rows, kind)
    folder.mkdir()
    cell.prepare(folder)
    ((_, _, _, *arguments),) = cell.commands(folder)
    cell_tool.main(arguments)
    return dict(cell.collect(folder))


def test_real_and_embedded_labels_are_scored_on_the_same_frames(folders, synthetic_nuscenes, checkpoint, tmp_path):
    """Embedded labels of the very frames that were written to the folder give the very same layer."""
    source, rows = source_of(checkpoint), {'handcrafted': FIXED['handcrafted']}
    draws = Draws({'miou': 9}, 1, nested=False)
    real = run(tmp_path / 'real', at(folders), source, rows, 'none', draws)
    embedded = at(folders).from_embedded(str(synthetic_nuscenes))
    found = run(tmp_path / 'embedded', embedded, source, rows, 'none', draws)
    assert real['scored_points'] == found['scored_points']
    assert real['classes'] == found['classes'] == list(at(folders).kind.classes)
    assert (real['scored_scans'], real['training_scans']) == (4, 2)
    assert real['rows']['handcrafted']['miou']['confusion'] == found['rows']['handcrafted']['miou']['confusion']
    assert real['rows']['handcrafted']['miou']['miou'][0] > 15, 'one class for all gives 6 at most'


@pytest.mark.parametrize(('n_frames', 'given', 'wanted'), [(40, None, 1000), (41, None, 100), (40, 7, 7), (41, 7, 7)])
def test_points_of_a_class_are_those_asked_for_or_more_where_frames_are_few(
    n_frames, given, wanted, folders, checkpoint, monkeypatch
):
    command = [
        'few_shot',
        '--dataset',
        'range_nuscenes',
        '--train-root',
        str(folders[0]),
        '--test-root',
        str(folders[1]),
    ]
    options = [] if given is None else ['--points-per-class', str(given)]
    args = tool.parse_args([*command, '--checkpoint', f'synthetic={checkpoint}', '--config', str(CONFIG), *options])
    monkeypatch.setattr(FolderSet, 'scans', lambda self, part, **more: range(n_frames))
    (plan,) = FewShot(tool.arguments_of(args)).plans
    assert plan.points_per_class == plan.record['points_per_class_and_scan'] == wanted


def test_few_shot_has_all_rows_and_columns(folders, synthetic_nuscenes, checkpoint, tmp_path, capsys):
    """One call, as on the command line; the cells' networks are not run."""
    command = [
        'few_shot', '--dataset', 'range_nuscenes', '--train-root', str(folders[0]), '--test-root', str(folders[1]),
        '--embedded-root', str(synthetic_nuscenes), '--checkpoint', f'synthetic={checkpoint}', '--shots', '1', 'all',
        '--config', str(CONFIG), '--draws', '3', '--seeds', '2', '--split', 'test', '--out', str(tmp_path),
    ]  # fmt: skip
    args = tool.parse_args(command)
    protocol = FewShot(tool.arguments_of(args))
    protocol.check()
    real, embedded = protocol.plans
    assert dict(real.draws.sizes) == {'k1': 1, 'k2': 2}
    assert [len(draw) for draw in real.draws.of(2).values()] == [3, 1], 'all scans are one draw'
    assert dict(embedded.draws.sizes) == {'embedded': 20}
    assert (real.points_per_class, embedded.points_per_class) == (1000, 100), 'of few frames more points than of many'
    names = [cell.name for cell in protocol.cells()]
    assert names[:4] == ['fixed', 'synthetic_0', 'random_0', 'random_1']
    assert names[4:] == [f'{name}_range_nuscenes_from_embedded' for name in names[:4]]
    wanted = {'raw', 'handcrafted', 'random_raw', 'random_raw_handcrafted', 'dos', 'dos_raw_handcrafted'}
    assert wanted <= {row.name for row in protocol.table_rows()}
    record = build_record(protocol, Study(protocol.cells(), tmp_path, title='few_shot', retry_failed=False))
    assert [column['title'] for column in record['columns']] == [
        '1 labelled scan',
        '2 labelled scans',
        '20 embedded scans, no real label',
    ]
    assert record['datasets'][0]['frames'] == {'train': 2, 'scored': 4}
    assert record['settings']['input']['forward'] == 'y'
    text = full_text(record)
    assert 'Trained on 2 frames of one folder, scored on 4 of another.' in text
    assert 'on at most 1000 points of a class in a scan, 100 in an embedded one.' in text
    (of_embedded,) = record['settings']['embedded_labels']
    assert of_embedded['points_per_class_and_scan'] == 100
    assert 'terrain as vegetation' in text and 'z so that the road is at -1.84 m; y ahead' in text


def test_checkpoints_of_another_label_are_rows_of_their_own(folders, checkpoint, tmp_path):
    """A mean over what was pretrained in different ways would be of nothing."""
    others = [tmp_path / f'{number}.pth' for number in range(3)]
    for number, path in enumerate(others):
        torch.save({**torch.load(checkpoint, weights_only=True), 'number': number}, path)
    command = ['few_shot', '--dataset', 'range_nuscenes', '--train-root', str(folders[0]), '--test-root']
    command += [str(folders[1]), '--config', str(CONFIG)]

    def rows(*checkpoints: str) -> dict[str, list[str]]:
        protocol = FewShot(tool.arguments_of(tool.parse_args([*command, '--checkpoint', *checkpoints])))
        found = {row.title: [*row.cells['range_nuscenes']] for row in protocol.table_rows() if row.kind == 'pretrained'}
        assert set(protocol.compared) <= {row.name for row in protocol.table_rows()}
        assert len(protocol.compared) == 2 * len(found) / 3, 'teacher alone, and with raw and hand-crafted input'
        return found

    one = rows(*(f'tokens={path}' for path in others))
    assert one['DOS (teacher)'] == ['tokens_0', 'tokens_1', 'tokens_2']
    two = rows(f'tokens={others[0]}', f'softmaps={others[1]}', f'tokens={others[2]}')
    assert (two['DOS (teacher), tokens'], two['DOS (teacher), softmaps']) == (['tokens_0', 'tokens_1'], ['softmaps_0'])
    assert 'DOS + raw + hand-crafted, softmaps' in two and len(two) == 6


def test_what_cannot_be_asked_is_said_in_a_sentence(folders, checkpoint, synthetic_nuscenes):
    def call(*arguments: str) -> None:
        args = tool.parse_args(list(arguments))
        LinearProbe(tool.arguments_of(args))

    frames = ('--dataset', 'range_nuscenes', '--train-root', str(folders[0]))
    with pytest.raises(UserError, match=r'pretrained on what\? Wanted --checkpoint DATASET=PATH'):
        call('linear_probe', *frames, '--test-root', str(folders[1]), '--checkpoint', str(checkpoint))
    with pytest.raises(UserError, match='is for linear_probe, few_shot; finetune needs a whole data set'):
        call('finetune', '--dataset', 'range_nuscenes', '--checkpoint', f'synthetic={checkpoint}')
    with pytest.raises(UserError, match='it is not used; range_nuscenes lies in --train-root'):
        call('linear_probe', *frames, '--test-root', str(folders[1]), '--data-root', f'synthetic={synthetic_nuscenes}')
    with pytest.raises(UserError, match=r"no data set 'range_nuscene'; wanted one of bin_label, kitti, nuscenes"):
        call('linear_probe', '--dataset', 'range_nuscene', '--checkpoint', str(checkpoint))


def test_a_world_of_many_sensors_gives_the_newest_sweep_with_the_challenges_classes(tmp_path):
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 20, (300, 5)).astype(np.float32)
    points[:, 4] = np.repeat([0, 0.1, 0.2], 100)
    categories = rng.integers(0, 3, 300, np.uint8)
    scene = tmp_path / 'scene_000007'
    scene.mkdir()
    points.tofile(scene / 'frame_00.bin')
    names = ['vehicle.car', 'noise', 'flat.terrain']
    (tmp_path / 'synthetic.json').write_text(json.dumps({'format': 'zoo_world', 'classes': names}))
    with pytest.raises(UserError, match=r'none of its frames has a \.label file'):
        embedded_scans(str(tmp_path))
    categories.tofile(scene / 'frame_00.label')
    scans = embedded_scans(str(tmp_path))
    assert (scans.names, scans.sequences) == (['scene_000007/frame_00'], ['scene_000007'])
    found, labels = scans.read(0)
    assert np.array_equal(found, points[:100])
    wanted = np.array([scans.classes.index('car') + 1, 0, scans.classes.index('terrain') + 1])
    assert np.array_equal(labels, wanted[categories[:100]])
    dataset = at((tmp_path, tmp_path)).from_embedded(str(tmp_path))
    assert dataset.frame('probe_train') == SensorFrame(None, 'y')
    assert dataset.frame('test') == SensorFrame(-1.84, 'y')
    categories[:-1].tofile(scene / 'frame_00.label')
    with pytest.raises(UserError, match=r'frame_00\.label: 299 labels for 300 points'):
        embedded_scans(str(tmp_path)).read(0)
