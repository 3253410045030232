"""Recipes of fine-tuning: what they are called, and what they make of a config."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from mmdet3d.registry import HOOKS, MODELS
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper

from dos_mm3d.studies.protocols.finetune import DecoderProbe, Detection, LabelEfficiency
from dos_mm3d.studies.protocols.recipes import PARTS, PLAIN, Recipe, read_recipe
from dos_mm3d.studies.protocols.runner import record_file, run_protocol
from dos_mm3d.studies.protocols.training_config import read_downstream
from tests.helpers.training_fakes import ROOT, TrainingFakes, arguments, pretraining_checkpoint, sources

MINKUNET = 'configs/segmentation/minkunet_small_synthetic.py'
MINKUNET_PARTS = ['backbone.conv_input.', 'backbone.decoder.', 'backbone.encoder.']


@pytest.fixture(scope='module')
def config() -> dict:
    return read_downstream(ROOT / MINKUNET, 'data', {})


def test_names_numbers_and_their_order() -> None:
    recipe = read_recipe('probe_head+low_rate=0.1')
    assert recipe.parts == (('low_rate', 0.1), ('probe_head', 40)), 'in the order of their work, not of the words'
    assert recipe.slug == 'low_rate_0.1-probe_head'
    assert recipe.title == '0.1 of the rate for the backbone, the head begins as the probe of 40 frames'
    assert read_recipe('plain') == PLAIN and (PLAIN.slug, PLAIN.title) == ('', '')
    assert read_recipe('frozen_start+averaging').from_scratch == Recipe((('averaging', 0.01),))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('probe', "'probe' is no part of a recipe.*wanted plain, or some of new_decoder"),
        ('l2_sp+l2_sp=2', 'twice'),
        ('l2_sp=much', "'much', wanted more than 0"),
        ('l2_sp=', "'', wanted more than 0"),
        ('l2_sp=inf', 'wanted more than 0'),
        ('low_rate=-1', 'wanted more than 0 and at most 1'),
        ('layer_decay=nan', 'wanted more than 0 and at most 1'),
        ('frozen_start=1', 'wanted more than 0 and less than 1'),
        ('averaging=5', 'wanted more than 0 and less than 1'),
        ('probe_head=0.4', 'wanted a whole number, 1 or more'),
        ('target_bn=-3', 'wanted a whole number, 1 or more'),
        ('new_decoder=3', 'wanted no number'),
        ('low_rate+layer_decay', 'both say what the rates are'),
    ],
)
def test_what_is_no_recipe_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_recipe(text)


@pytest.mark.parametrize('name', PARTS)
def test_every_part_makes_a_config_that_can_be_built(config: dict, name: str) -> None:
    before = json.dumps(config, default=str)
    made = read_recipe(name).applied(config, MINKUNET_PARTS)
    assert json.dumps(config, default=str) == before, 'the shared config is left alone'
    assert made != config
    for hook in made.get('custom_hooks') or []:
        HOOKS.build(hook)
    groups = build_optim_wrapper(MODELS.build(made['model']), Config(made).optim_wrapper).optimizer.param_groups
    rates = {group['lr'] for group in groups}
    assert rates == {
        'low_rate': {4e-3, 0.3 * 4e-3}, 'layer_decay': {4e-3 * 0.8**depth for depth in range(10)}
    }.get(name, {4e-3})  # fmt: skip
    kept = name in ('low_rate', 'layer_decay')
    assert made['param_scheduler'][0]['type'] == ('ProportionalOneCycleLR' if kept else 'OneCycleLR')


def hooks_in(config: dict) -> dict[str, dict]:
    return {hook['type']: hook for hook in config['custom_hooks']}


def test_a_decoder_that_is_left_out_is_not_treated_as_pretrained(config: dict) -> None:
    made = read_recipe('new_decoder+frozen_start+low_rate').applied(config, MINKUNET_PARTS)
    kept = ['backbone.conv_input.', 'backbone.encoder.']
    assert hooks_in(made)['SkipWeightsHook']['prefixes'] == ['backbone.decoder.']
    assert hooks_in(made)['FrozenStartHook']['prefixes'] == kept
    assert made['optim_wrapper']['paramwise_cfg']['custom_keys'] == {name: {'lr_mult': 0.3} for name in kept}
    with pytest.raises(ValueError, match='no decoder that could be left out'):
        read_recipe('new_decoder').applied(config, ['pts_middle_encoder.conv_input.'])


def test_layer_decay_of_a_config_is_kept_or_replaced_as_a_whole() -> None:
    ptv3 = read_downstream(ROOT / 'configs/segmentation/ptv3_finetune_synthetic.py', 'data', {})
    wrapper = read_recipe('l2_sp').applied(ptv3, ['backbone.enc.'])['optim_wrapper']
    assert wrapper == ptv3['optim_wrapper'], 'its groups are of one depth each'
    wrapper = read_recipe('low_rate=0.1').applied(ptv3, ['backbone.enc.'])['optim_wrapper']
    assert 'constructor' not in wrapper and set(wrapper['paramwise_cfg']) == {'custom_keys'}


def test_each_recipe_has_a_row_and_scratch_what_needs_no_weights(
    synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    checkpoint = pretraining_checkpoint('configs/dos/dos_minkunet_synthetic.py', tmp_path / 'minkunet')
    recipes = ['plain', 'frozen_start+averaging', 'l2_sp']
    options = {'recipe': recipes, 'sequences': [1, 40], 'steps_of_shares': [3, 5]}
    wanted = arguments(synthetic_nuscenes, tmp_path / 'out', sources(checkpoint), seeds=1, options=options, steps=None)
    wanted = replace(wanted, overrides={'labelled_scenes': 1})
    record = run_protocol(LabelEfficiency(wanted))
    assert [row['name'] for row in record['rows']] == [
        'scratch', 'scratch_averaging', 'dos_synthetic', 'dos_synthetic_frozen_start-averaging', 'dos_synthetic_l2_sp'
    ]  # fmt: skip
    assert list(record['settings']['recipes']) == ['plain', 'frozen_start-averaging', 'l2_sp']
    assert [(column['title'], column['facts']['steps']) for column in record['columns']] == [
        ('1 of 2 sequences', 3), ('2 of 2 sequences', 5)
    ]  # fmt: skip
    one = [found['row'] for found in record['differences'] if found['column'] == '1 of 2 sequences']
    assert one[:2] == [
        'from DOS',
        'from DOS, the backbone frozen for 0.4 of the steps, weights averaged with momentum 0.01',
    ]
    assert one[2].endswith('0.01, against scratch, weights averaged with momentum 0.01') and len(one) == 4
    configs = {
        folder.name.rsplit('_', 1)[0]: Config.fromfile(folder / 'config.py') for folder in wanted.out.glob('cells/*')
    }
    assert len(configs) == 10
    frozen = configs['dos_synthetic_frozen_start-averaging_sequences_2_seed0']
    assert [hook.type for hook in frozen.custom_hooks] == ['FrozenStartHook', 'EMAHook', 'StartRecordHook']
    assert frozen.custom_hooks[0].prefixes == MINKUNET_PARTS
    assert next(hook.type for hook in configs['scratch_averaging_sequences_1_seed0'].custom_hooks) == 'EMAHook'
    lengths = {name: made.train_cfg.max_iters for name, made in configs.items()}
    assert {name for name, steps in lengths.items() if steps == 3} == {
        name for name in lengths if 'sequences_1' in name
    }
    assert run_protocol(LabelEfficiency(replace(wanted, again=True)))['complete']
    assert len(trainings.take_calls()) == 20, 'finished cells are not run again'
    plain = replace(wanted, options={**wanted.options, 'recipe': ['plain']})
    run_protocol(LabelEfficiency(plain))
    assert trainings.take_calls() == [], 'rows of another table are the same cells'
    names = [record_file(LabelEfficiency(one)).name for one in (wanted, plain)]
    assert names[0] == 'label_efficiency_synthetic_plain_frozen_start-averaging_l2_sp_test.json'
    assert names[1] == 'label_efficiency_synthetic_test.json'


def test_refusals_before_anything_is_trained(
    synthetic_nuscenes: Path, trainings: TrainingFakes, tmp_path: Path
) -> None:
    checkpoint = pretraining_checkpoint('configs/dos/dos_minkunet_synthetic.py', tmp_path / 'minkunet')
    wanted = arguments(synthetic_nuscenes, tmp_path / 'out', sources(checkpoint), options={'steps_of_shares': [3]})
    with pytest.raises(ValueError, match='has 1 numbers; wanted 3'):
        run_protocol(LabelEfficiency(replace(wanted, steps=None, overrides={'labelled_scenes': 1})))
    second = sources(pretraining_checkpoint('configs/dos/dos_second_synthetic.py', tmp_path / 'second'))
    probe = arguments(synthetic_nuscenes, tmp_path / 'out', second, options={'recipe': ['probe_head']})
    with pytest.raises(ValueError, match='probe_head is for segmentors with a linear head, not for CenterPoint'):
        run_protocol(Detection(probe))
    ptv3 = sources(pretraining_checkpoint('configs/dos/dos_ptv3_synthetic.py', tmp_path / 'ptv3'))
    with pytest.raises(ValueError, match='decoder_probe has a frozen encoder'):
        run_protocol(DecoderProbe(replace(probe, sources=ptv3)))
    assert trainings.take_calls() == []
