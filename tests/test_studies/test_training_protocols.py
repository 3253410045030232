"""The protocols that train run, go on after an end, and say what they compare. Training is a small script here."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from mmengine.config import Config

from dos_mm3d.datasets.label_shares import leaf
from dos_mm3d.studies.protocols import training
from dos_mm3d.studies.protocols.base import ProtocolArguments
from dos_mm3d.studies.protocols.datasets import DataSet
from dos_mm3d.studies.protocols.finetune import DecoderProbe, Detection, Finetune, LabelEfficiency
from dos_mm3d.studies.protocols.runner import run_protocol
from dos_mm3d.studies.protocols.table import full_text
from dos_mm3d.studies.protocols.training_rows import Labels
from tests.helpers.training_fakes import ROOT, TrainingFakes, arguments, fake_miou, pretraining_checkpoint, sources

MINKUNET = 'configs/dos/dos_minkunet_synthetic.py'
SECOND = 'configs/dos/dos_second_synthetic.py'
SMALL, ALL = 'labels_0p1_miou', 'labels_100_miou'


@pytest.fixture(scope='module')
def minkunet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp('minkunet')
    return tuple(pretraining_checkpoint(MINKUNET, folder / f'seed{seed}', seed=seed) for seed in (0, 1))


@pytest.fixture(scope='module')
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretraining_checkpoint(SECOND, tmp_path_factory.mktemp('second'))


@pytest.fixture
def wanted(minkunet: tuple[Path, Path], synthetic_nuscenes: Path, tmp_path: Path) -> ProtocolArguments:
    return arguments(synthetic_nuscenes, tmp_path / 'out', sources(minkunet[0]), again=True)


def entries(record: dict, row: str) -> dict:
    return next(found['entries'] for found in record['rows'] if found['name'] == row)


def test_scratch_stands_beside_and_shares_with_one_list_are_run_once(
    wanted: ProtocolArguments, trainings: TrainingFakes
) -> None:
    record = run_protocol(LabelEfficiency(wanted))
    cells = [
        f'{row}_{labels}_seed{seed}'
        for seed in (0, 1)
        for labels in ('labels_0p1', 'labels_100')
        for row in ('scratch', 'dos_synthetic')
    ]
    assert [call.split()[1] for call in trainings.take_calls() if call.startswith('train')] == cells
    assert record['complete']
    assert [row['title'] for row in record['rows']] == ['from scratch', 'from DOS']
    assert [column['title'] for column in record['columns']] == ['0.1 %', '1 %', '100 %']
    facts = [column['facts'] for column in record['columns']]
    assert facts[0] == {'sequences': '1 of 2', 'labelled_frames': 2}
    assert facts[1] == {'sequences': '1 of 2', 'labelled_frames': 2, 'run_once': 'the same list as 0.1 %'}
    assert facts[2] == {'sequences': '2 of 2', 'labelled_frames': 4}
    for row, is_pretrained in (('scratch', False), ('dos_synthetic', True)):
        found = entries(record, row)
        assert found['labels_1_miou'] == found[SMALL], 'the second name of one list'
        for column, all_labels in ((SMALL, False), (ALL, True)):
            values = [fake_miou(seed, pretrained=is_pretrained, all_labels=all_labels) for seed in (0, 1)]
            assert found[column]['mean'] == pytest.approx(fmean(values))
            assert list(found[column]['values'].values()) == pytest.approx(values)
    right = [10 + 2 * seed + 20 for seed in (0, 1)]
    assert entries(record, 'scratch')[ALL]['confusion'] == [[sum(right), 200 - sum(right)], [0, 200]]
    assert entries(record, 'scratch')[ALL]['per_class']['a'] == pytest.approx(fmean(right))
    run_protocol(LabelEfficiency(wanted))
    assert trainings.take_calls() == [], 'finished cells are not run again'


def test_lists_are_stored_and_reach_the_data_sets(wanted: ProtocolArguments, trainings: TrainingFakes) -> None:
    record = run_protocol(LabelEfficiency(wanted))
    stored = {path.stem: json.loads(path.read_text()) for path in wanted.out.glob('label_shares_*/*.json')}
    assert stored == record['labelled_sequences']
    assert set(stored['labels_1']) < set(stored['labels_100'])
    for labels in ('labels_0p1', 'labels_100'):
        for folder in wanted.out.glob(f'cells/*_{labels}_*'):
            config: dict = {}
            exec((folder / 'config.py').read_text(), config)
            assert config['train_dataloader']['dataset']['sequences'] == stored[labels]


def test_the_report_shows_the_first_models_with_the_most_labels(
    wanted: ProtocolArguments, trainings: TrainingFakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(training, 'trained_page', lambda *given: asked.append(given) or ('<p>page</p>', 'words'))
    run_protocol(LabelEfficiency(wanted))
    ((task, folders),) = asked
    assert (task, list(folders)) == ('segmentation', ['from scratch', 'from DOS'])
    assert all('labels_100_seed0' in folder.name and folder.is_dir() for folder in folders.values())
    (report,) = wanted.out.glob('*.html')
    assert '>Scored samples to turn and click in<' in report.read_text()


def test_differences_are_paired_over_seeds(wanted: ProtocolArguments, trainings: TrainingFakes) -> None:
    record = run_protocol(LabelEfficiency(replace(wanted, seeds=3)))
    first = record['differences'][0]
    steps = [
        fake_miou(s, pretrained=True, all_labels=False) - fake_miou(s, pretrained=False, all_labels=False)
        for s in range(3)
    ]
    assert (first['column'], first['n'], first['verdict']) == ('0.1 %', 3, 'separates')
    assert first['mean'] == pytest.approx(fmean(steps))
    assert first['low'] < first['mean'] < first['high']
    assert f'{first["mean"]:+.1f} [' in full_text(record)
    one = run_protocol(LabelEfficiency(replace(wanted, seeds=1)))['differences'][0]
    assert (one['low'], one['verdict']) == (None, '-'), 'one seed has no interval'


def test_an_unfair_pair_is_left_out_and_told(wanted: ProtocolArguments, trainings: TrainingFakes) -> None:
    trainings.behave(
        **{
            'scratch_labels_0p1_seed1': {'rest': 'another head'},
            'dos_synthetic_labels_100_seed0': {'inputs': 'resumed'},
        }
    )
    record = run_protocol(LabelEfficiency(wanted))
    by_column = {found['column']: found for found in record['differences']}
    assert (by_column['0.1 %']['n'], by_column['0.1 %']['unfair']) == (1, {'seed 1': ['initial head']})
    assert (by_column['100 %']['n'], by_column['100 %']['same_batches']) == (2, [1])
    assert 'seed 1 left out: initial head differs' in full_text(record)


def test_where_no_pair_is_fair_no_difference_is_given_and_that_is_told(
    wanted: ProtocolArguments, trainings: TrainingFakes
) -> None:
    trainings.behave(**{f'scratch_labels_0p1_seed{seed}': {'rest': 'another head'} for seed in (0, 1)})
    record = run_protocol(LabelEfficiency(wanted))
    found = next(found for found in record['differences'] if found['column'] == '0.1 %')
    assert (found['mean'], found['n'], list(found['unfair'])) == (None, 0, ['seed 0', 'seed 1'])
    assert '| - | 0 | - | seed 0 left out: initial head differs; seed 1 left out' in full_text(record)


def test_interrupted_trainings_go_on_and_the_rest_is_left_alone(
    wanted: ProtocolArguments, trainings: TrainingFakes
) -> None:
    lost = 'dos_synthetic_labels_100_seed1'
    trainings.behave(fail=[lost])
    record = run_protocol(LabelEfficiency(wanted))
    assert f'{lost} failed' in full_text(record)
    assert record['differences'][-1]['n'] == 1
    trainings.take_calls()
    trainings.behave()
    record = run_protocol(LabelEfficiency(replace(wanted, retry_failed=True)))
    assert trainings.take_calls() == [f'train {lost} again', f'test {lost}']
    assert record['differences'][-1]['n'] == 2


def test_a_moved_folder_is_tested_with_its_own_weights(
    wanted: ProtocolArguments, trainings: TrainingFakes, tmp_path: Path
) -> None:
    """A training goes on, a test is repeated there, and no config or command leads to where the folder was."""
    wanted = replace(wanted, seeds=1, options={**wanted.options, 'shares': [100.0]})
    trainings.behave(fail_test=True)
    run_protocol(LabelEfficiency(wanted))
    trainings.take_calls()
    trainings.behave()
    moved = wanted.out.rename(tmp_path / 'moved')
    record = run_protocol(LabelEfficiency(replace(wanted, out=moved, retry_failed=True)))
    assert record['complete']
    cells = [f'{start}_labels_100_seed0' for start in ('dos_synthetic', 'scratch')]
    assert sorted(trainings.take_calls()) == [f'test {c}' for c in cells] + [f'train {c} again' for c in cells]
    for config in moved.glob('cells/*/config.py'):
        assert str(wanted.out) not in config.read_text()


def test_a_learning_curve_is_what_checkpoints_on_the_way_were_scored(
    wanted: ProtocolArguments, trainings: TrainingFakes
) -> None:
    assert 'curves' not in run_protocol(LabelEfficiency(wanted))
    trainings.take_calls()
    protocol = LabelEfficiency(replace(wanted, options={**wanted.options, 'curve': 2}))
    record = run_protocol(protocol)
    calls = trainings.take_calls()
    assert len(calls) == 8 * 3, 'trained anew, as checkpoints on the way were not kept, and tested twice'
    assert [call.split()[0] for call in calls[:3]] == ['train', 'test', 'test']
    assert [(curve['title'], curve['unit']) for curve in record['curves']] == [
        ('0.1 %', 'steps'),
        ('1 %', 'steps'),
        ('100 %', 'steps'),
    ]
    for curve, column in zip(record['curves'], (SMALL, 'labels_1_miou', ALL)):
        for row in curve['rows']:
            assert list(row['entries']) == ['2', '4']
            assert row['entries']['2']['mean'] == pytest.approx((2 + 100 * 100 / 198) / 2), 'two points of class a'
            assert row['entries']['4']['values'] == entries(record, row['name'])[column]['values']
    text = full_text(record, protocol.tables)
    assert 'Learning curve, 0.1 %, after so many steps:\n\n|  | 2 | 4 |' in text
    assert (wanted.out / 'label_efficiency_synthetic_test.png').is_file()
    for config in wanted.out.glob('cells/*/config.py'):
        checkpoint = Config.fromfile(config).default_hooks.checkpoint
        assert (checkpoint.interval, checkpoint.max_keep_ckpts) in ((1, 1), (2, -1))
    trainings.take_calls()
    end_alone = LabelEfficiency(replace(wanted, seeds=1, options={**wanted.options, 'curve': 1}))
    assert [list(row['entries']) for row in run_protocol(end_alone)['curves'][0]['rows']] == [['4'], ['4']]
    assert len(trainings.take_calls()) == 4 * 2, 'other checkpoints are kept, so it is another training'
    with pytest.raises(ValueError, match=r'--curve 3: a training has 4 steps; wanted a number that divides them'):
        run_protocol(LabelEfficiency(replace(wanted, options={**wanted.options, 'curve': 3})))


def test_curves_of_shares_with_steps_of_their_own_count_in_steps(
    second: Path, synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    """A detector's config counts in epochs."""
    options = {'shares': [20.0, 100.0], 'steps_of_shares': [4, 8], 'curve': 2}
    more = {'seeds': 1, 'steps': None, 'options': options}
    record = run_protocol(Detection(arguments(synthetic_nuscenes, tmp_path / 'out', sources(second), **more)))
    found = {curve['title']: (curve['unit'], list(curve['rows'][0]['entries'])) for curve in record['curves']}
    assert found == {
        '20 %: mAP': ('steps', ['2', '4']),
        '20 %: NDS': ('steps', ['2', '4']),
        '100 %: mAP': ('steps', ['4', '8']),
        '100 %: NDS': ('steps', ['4', '8']),
    }
    scratch = record['curves'][2]['rows'][0]['entries']
    assert scratch['4']['mean'] == pytest.approx(4)
    assert scratch['8']['mean'] == entries(record, 'scratch')['labels_100_mAP']['mean']


def test_seed_i_trains_from_checkpoint_i(
    wanted: ProtocolArguments, minkunet: tuple[Path, Path], trainings: TrainingFakes
) -> None:
    two = replace(wanted, sources=sources(*minkunet), options={**wanted.options, 'shares': [100.0]})
    run_protocol(LabelEfficiency(two))
    weights = {}
    for folder in wanted.out.glob('cells/*'):
        config: dict = {}
        exec((folder / 'config.py').read_text(), config)
        weights[folder.name.rsplit('_', 1)[0]] = config['load_from'] and Path(config['load_from']).name[:12]
    assert weights == {
        'scratch_labels_100_seed0': None,
        'scratch_labels_100_seed1': None,
        'dos_synthetic_labels_100_seed0': 'synthetic_0_',
        'dos_synthetic_labels_100_seed1': 'synthetic_1_',
    }
    with pytest.raises(ValueError, match='2 checkpoints pretrained on synthetic and --seeds 1'):
        run_protocol(LabelEfficiency(replace(two, seeds=1)))


def test_settings_are_chosen_on_training_sequences_that_are_not_trained_on(
    wanted: ProtocolArguments, trainings: TrainingFakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, scored = sorted(set(wanted.dataset.sequences(wanted.dataset.infos[0])))
    monkeypatch.setattr(DataSet, 'part', lambda self, part: (self.infos[0], [scored]))
    record = run_protocol(LabelEfficiency(replace(wanted, split='validation', seeds=1)))
    assert set(map(tuple, record['labelled_sequences'].values())) == {(first,)}
    for folder in wanted.out.glob('cells/*'):
        config: dict = {}
        exec((folder / 'config.py').read_text(), config)
        dataset = config['test_dataloader']['dataset']
        assert (dataset['sequences'], dataset['dataset']['ann_file']) == ([scored], wanted.dataset.infos[0])


def test_finetune_takes_the_labels_of_the_config(wanted: ProtocolArguments, trainings: TrainingFakes) -> None:
    record = run_protocol(Finetune(replace(wanted, overrides={'labelled_scenes': 1})))
    (column,) = record['columns']
    assert (column['title'], column['facts']) == ('mIoU', {'sequences': '1 of 2', 'labelled_frames': 2})
    assert [row['entries'][column['name']]['sd_over'] for row in record['rows']] == ['seeds', 'seeds']
    assert [found['row'] for found in record['differences']] == ['from DOS']
    assert record['settings']['train_cfg']['max_iters'] == 4


@pytest.mark.parametrize(('split', 'pastes'), [('test', [False, True]), ('validation', [False, False])])
def test_objects_are_pasted_where_all_frames_are_labelled(
    split: str, pastes: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data base of objects is made of all training frames."""
    monkeypatch.setattr(DataSet, 'part', lambda self, part: (self.infos[0], ['c']))
    protocol = Detection(arguments(tmp_path, tmp_path, (), split=split))
    labels = [Labels(percent, names, len(names), 2, 4) for percent, names in ((20.0, ('a',)), (100.0, ('a', 'b')))]
    assert [protocol.pastes(one) for one in labels] == pastes


def test_detection_reports_both_numbers_at_both_shares(
    second: Path, synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    wanted = arguments(synthetic_nuscenes, tmp_path / 'out', sources(second), options={'shares': [20.0, 100.0]})
    record = run_protocol(Detection(wanted))
    assert [column['title'] for column in record['columns']] == ['20 %: mAP', '20 %: NDS', '100 %: mAP', '100 %: NDS']
    scratch = entries(record, 'scratch')
    assert scratch['labels_100_mAP']['mean'] == pytest.approx(31)  # 10 + 20 and 2 more at seed 1
    assert scratch['labels_100_mAP']['per_class'] == {'car': pytest.approx(31)}
    assert scratch['labels_100_mAP']['errors'] == {'trans_err': 0.25}
    assert scratch['labels_20_NDS']['mean'] == 50
    text = full_text(record)
    assert '## AP per class [%], 20 %: mAP' in text
    assert '## True-positive errors, 100 %: mAP' in text
    (folder,) = wanted.out.glob('cells/dos_synthetic_labels_20_seed0_*')
    assert f"'jsonfile_prefix': '{folder / 'test'}'" in (folder / 'config.py').read_text()
    with pytest.raises(ValueError, match='validation: the nuScenes devkit scores whole official splits'):
        run_protocol(Detection(replace(wanted, split='validation')))


def test_detection_without_shares_takes_the_labels_of_the_config(
    second: Path, synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    options = {'shares': [], 'downstream': ROOT / 'configs/centerpoint/centerpoint_small_synthetic.py'}
    more = {'overrides': {'labelled_scenes': 1}, 'seeds': 1, 'options': options}
    record = run_protocol(Detection(arguments(synthetic_nuscenes, tmp_path / 'out', sources(second), **more)))
    assert [column['title'] for column in record['columns']] == ['mAP', 'NDS']
    assert record['columns'][0]['facts']['sequences'] == '1 of 2'
    for config in (tmp_path / 'out').glob('cells/*/config.py'):
        dataset = leaf(Config.fromfile(config).train_dataloader.dataset)
        assert (dataset.type, dataset.labelled_scenes) == ('LabelledScenesDataset', 1)
    assert not list((tmp_path / 'out').glob('label_shares*')), 'no lists were drawn'


@pytest.mark.parametrize(
    ('protocol', 'said'),
    [
        (LabelEfficiency, r'no finetune of its backbone, second; what there is beside .*: detection; or'),
        (DecoderProbe, r'no decoder_probe of its backbone, second'),
    ],
)
def test_the_encoder_of_a_detector_has_no_segmentation(
    protocol, said: str, second: Path, synthetic_nuscenes: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=said):
        run_protocol(protocol(arguments(synthetic_nuscenes, tmp_path / 'out', sources(second))))


def test_minkunet_has_no_decoder_probe_and_no_detector(wanted: ProtocolArguments) -> None:
    with pytest.raises(ValueError, match=r'no decoder_probe of its backbone, minkunet; what there is .*: finetune; or'):
        run_protocol(DecoderProbe(wanted))
    with pytest.raises(ValueError, match=r'no detection of its backbone, minkunet; what there is'):
        run_protocol(Detection(wanted))
    linear = replace(wanted, options={**wanted.options, 'mode': 'linear'})
    with pytest.raises(ValueError, match=r'no linear_probe of its backbone, minkunet; what there is'):
        run_protocol(LabelEfficiency(linear))


def test_weights_that_do_not_fit_are_refused_before_anything_is_trained(
    wanted: ProtocolArguments, second: Path, trainings: TrainingFakes
) -> None:
    def downstream(name: str) -> ProtocolArguments:
        return replace(
            wanted, options={**wanted.options, 'downstream': Path(f'configs/segmentation/{name}.py').resolve()}
        )

    given = re.escape(str(wanted.sources[0].checkpoint))  # not as the file was called before it was exported
    with pytest.raises(ValueError, match=rf'^{given}: pretrained with the channels .*minkunet_semantickitti'):
        run_protocol(LabelEfficiency(downstream('minkunet_semantickitti')))
    with pytest.raises(ValueError, match=r'voxel size \[0\.2, 0\.2, 0\.2\].*has \[0\.1, 0\.1, 0\.1\]'):
        run_protocol(LabelEfficiency(downstream('minkunet_nuscenes')))
    wide = replace(wanted, overrides={'model.backbone.base_channels': 32})
    with pytest.raises(ValueError, match=r'do not fit the MinkUNet .*a backbone of another size'):
        run_protocol(LabelEfficiency(wide))
    with pytest.raises(FileNotFoundError, match=r'gone\.py: no such config'):
        run_protocol(LabelEfficiency(downstream('gone')))
    mixed = replace(wanted, sources=(*wanted.sources, *sources(second)))
    with pytest.raises(ValueError, match=r'\(minkunet\).*\(second\): different backbones'):
        run_protocol(LabelEfficiency(mixed))
    assert trainings.take_calls() == []


@pytest.mark.slow
def test_the_tool_trains_tests_and_reports(
    minkunet: tuple[Path, Path], synthetic_nuscenes: Path, tmp_path: Path
) -> None:
    """Two steps with the real tools. Not the checkpoint of seed 0: untrained, it is the encoder that seed 0 begins with
    from scratch."""
    command = [sys.executable, 'tools/run_protocol.py', 'label_efficiency', '--dataset', 'synthetic', '--seeds', '1']
    command += ['--checkpoint', minkunet[1], '--data-root', f'synthetic={synthetic_nuscenes}', '--out', tmp_path]
    command += [
        '--split',
        'test',
        '--steps',
        '2',
        '--shares',
        '1',
        '--curve',
        '2',
        '--cfg-options',
        'train_dataloader.batch_size=1',
    ]
    command += ['train_dataloader.num_workers=0', 'train_dataloader.persistent_workers=False']
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / 'label_efficiency_synthetic_test.json').read_text())
    assert str(tmp_path) not in json.dumps(record), 'the command too is kept without what is of one machine'
    assert [cell['status'] for cell in record['cells']] == ['finished', 'finished']
    (found,) = record['differences']
    assert (found['unfair'], found['same_batches']) == ({}, [0]), 'same head and batches, another encoder'
    confusion = np.array(entries(record, 'scratch')['labels_1_miou']['confusion'])
    assert confusion.shape == (16, 16)
    assert confusion.sum() > 1000
    assert entries(record, 'dos_synthetic')['labels_1_miou']['mean'] == pytest.approx(
        100 * entries(record, 'dos_synthetic')['labels_1_miou']['metrics']['miou'], abs=0.1
    )
    (curve,) = record['curves']
    for row in curve['rows']:
        assert list(row['entries']) == ['1', '2']
        assert row['entries']['2']['mean'] == pytest.approx(
            entries(record, row['name'])['labels_1_miou']['mean'], abs=0.1
        )
