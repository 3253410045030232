"""Rows and files of the protocols that train, with small scripts in place of training and test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dos_mm3d.studies.protocols.downstream import require_device_for
from dos_mm3d.studies.protocols.finetune import Detection, Finetune, LabelEfficiency
from dos_mm3d.studies.protocols.runner import record_file, run_protocol
from dos_mm3d.studies.protocols.table import full_text
from dos_mm3d.studies.runner import portable
from tests.helpers.training_fakes import TrainingFakes, arguments, pretraining_checkpoint, sources


def decays(out: Path) -> dict[str, float]:
    """Row -> layer decay of its trainings."""
    found = {}
    for folder in out.glob('cells/*'):
        config: dict = {}
        exec((folder / 'config.py').read_text(), config)
        found[folder.name.split('_labels')[0]] = config['optim_wrapper']['paramwise_cfg']['layer_decay']
    return found


def test_scratch_is_also_trained_with_one_rate_for_all_layers(
    synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    """Layer decay is made for pretrained layers: it may not hold back all that DOS is compared with."""
    checkpoint = pretraining_checkpoint('configs/dos/dos_ptv3_synthetic.py', tmp_path / 'ptv3')
    wanted = arguments(synthetic_nuscenes, tmp_path / 'out', sources(checkpoint), seeds=1)
    wanted = replace(wanted, overrides={'labelled_scenes': 1})
    record = run_protocol(Finetune(wanted))
    assert [(row['name'], row['kind']) for row in record['rows']] == [
        ('scratch', 'scratch'), ('scratch_even', 'scratch'), ('dos_synthetic', 'pretrained')
    ]  # fmt: skip
    assert decays(wanted.out) == {'scratch': 0.8, 'scratch_even': 1, 'dos_synthetic': 0.8}
    assert [found['row'] for found in record['differences']] == [
        'from DOS', 'from DOS, against scratch, one rate for all layers'
    ]  # fmt: skip
    assert 'from scratch, one rate for all layers' in full_text(record)
    even = replace(wanted, overrides={**wanted.overrides, 'optim_wrapper.paramwise_cfg.layer_decay': 1}, again=True)
    assert [row['name'] for row in run_protocol(Finetune(even))['rows']] == ['scratch', 'dos_synthetic']


def test_lists_of_the_two_splits_lie_apart_and_only_the_first_draw_is_led(
    synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = pretraining_checkpoint('configs/dos/dos_minkunet_synthetic.py', tmp_path / 'minkunet')
    wanted = arguments(synthetic_nuscenes, tmp_path / 'out', sources(checkpoint), seeds=1, options={'shares': [1.0]})
    record = run_protocol(LabelEfficiency(wanted))
    (folder,) = wanted.out.glob('label_shares_*')
    assert folder.name == 'label_shares_synthetic_seed1_test'
    drawn = record['labelled_sequences']['labels_1']
    other = next(name for name in wanted.dataset.sequences(wanted.dataset.infos[0]) if [name] != drawn)
    monkeypatch.setattr('dos_mm3d.studies.protocols.finetune.FIRST', other)
    led = LabelEfficiency(wanted).labels[0]
    assert led.sequences == (other,)
    assert f'Draw 1 begins with {other}' in ' '.join(LabelEfficiency(wanted).notes())
    second = [
        LabelEfficiency(replace(wanted, options={**wanted.options, 'share_seed': seed})).labels[0].sequences
        for seed in range(2, 8)
    ]
    assert len(set(second)) == 2, 'other draws are led by nothing'


def test_another_table_is_another_file(tmp_path: Path) -> None:
    def name(protocol, **options: object) -> str:
        return record_file(protocol(arguments(tmp_path, tmp_path, (), options=options))).name

    assert name(LabelEfficiency) == 'label_efficiency_synthetic_test.json'
    assert name(LabelEfficiency, mode='linear') == 'label_efficiency_synthetic_linear_test.json'
    assert name(Detection, share_seed=2) == 'detection_synthetic_draw2_test.json'
    assert name(LabelEfficiency, share_seed=3, mode='linear') == 'label_efficiency_synthetic_draw3_linear_test.json'


def test_records_hold_no_path_of_one_machine(
    synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    checkpoint = pretraining_checkpoint('configs/dos/dos_minkunet_synthetic.py', tmp_path / 'somewhere')
    record = run_protocol(LabelEfficiency(arguments(synthetic_nuscenes, tmp_path / 'out', sources(checkpoint))))
    assert record['sources'][0]['checkpoint'] == '.../somewhere/iter_4.pth'
    assert str(tmp_path) not in json.dumps(record)
    assert portable(Path.cwd() / 'configs/a.py') == portable('configs/a.py') == 'configs/a.py'


def test_mixed_precision_without_a_gpu_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {'optim_wrapper': {'type': 'AmpOptimWrapper'}}
    monkeypatch.setattr('dos_mm3d.studies.protocols.downstream.get_device', lambda: 'cpu')
    with pytest.raises(ValueError, match=r'c\.py: trains in mixed precision .* --downstream CONFIG'):
        require_device_for(config, Path('c.py'))
    require_device_for({'optim_wrapper': {'type': 'OptimWrapper'}}, Path('c.py'))
    monkeypatch.setattr('dos_mm3d.studies.protocols.downstream.get_device', lambda: 'cuda')
    require_device_for(config, Path('c.py'))
