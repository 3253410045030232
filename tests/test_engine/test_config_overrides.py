"""A variable given on the command line changes whatever the config derives from it."""

import argparse
import sys
from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import add_overrides, load_with_overrides
from dos_mm3d.errors import InputError, UserError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'configs/dos/dos_second_folder.py'


def typed(*options: str) -> dict:
    """These options of a command line."""
    parser = argparse.ArgumentParser()
    add_overrides(parser, '--cfg-options', 'values')
    return parser.parse_args(['--cfg-options', *options]).cfg_options


@pytest.fixture
def config(tmp_path):
    (tmp_path / 'base.py').write_text(
        "data_root = 'data/a/'\nsteps = 10\nfiles = dict(train=data_root + 'train.pkl')\n"
    )
    child = tmp_path / 'child.py'
    child.write_text(
        "_base_ = './base.py'\nwidth = 4\nnote = 'x'\n"
        'loop = dict(max_iters=_base_.steps, half=_base_.steps // 2)\n'
        'model = dict(channels=[width, width * 2])\n'
    )
    return child


def test_without_overrides_it_is_the_file(config):
    cfg = load_with_overrides(config, {})
    assert cfg.loop == dict(max_iters=10, half=5)
    assert cfg.filename == str(config)


def test_derived_values_follow_in_the_file_and_in_its_bases(config):
    cfg = load_with_overrides(config, dict(data_root='data/b/', steps=30, width=8))
    assert cfg.files.train == 'data/b/train.pkl'
    assert cfg.loop == dict(max_iters=30, half=15)
    assert cfg.model.channels == [8, 16]


def test_dotted_keys_are_merged_as_mmengine_does(config):
    cfg = load_with_overrides(config, {'loop.half': 1, 'model.channels': [1]})
    assert cfg.loop == dict(max_iters=10, half=1)
    assert cfg.model.channels == [1]


def test_values_with_quotes_arrive_unchanged(config):
    assert load_with_overrides(config, dict(data_root='it\'s "here"/')).files.train == 'it\'s "here"/train.pkl'


def test_a_variable_of_another_packages_base_is_followed_there_too():
    config = ROOT / 'configs/centerpoint/centerpoint_voxel01_nuscenes.py'
    cfg = load_with_overrides(config, dict(data_root='elsewhere/', lr=0.5))
    assert cfg.train_dataloader.dataset.dataset.data_root == 'elsewhere/'
    assert cfg.test_evaluator.ann_file == 'elsewhere/nuscenes_infos_val.pkl'
    assert cfg.optim_wrapper.optimizer.lr == 0.5  # of the schedule, two files below the config


def test_the_pretraining_config_over_such_a_base_follows():
    cfg = load_with_overrides(ROOT / 'configs/dos/dos_second_nuscenes.py', dict(data_root='elsewhere/'))
    assert cfg.train_dataloader.dataset.data_root == 'elsewhere/'


def test_configs_in_the_new_style_follow_and_those_without_code_are_merged(tmp_path):
    (tmp_path / 'base.py').write_text('steps = 10\ntwice = dict(n=steps * 2)\n')
    (tmp_path / 'new.py').write_text(
        'from mmengine.config import read_base\n\nwith read_base():\n    from .base import *\n\nloop = dict(n=steps)\n'
    )
    (tmp_path / 'plain.json').write_text('{"loop": {"n": 1}}')
    cfg = load_with_overrides(tmp_path / 'new.py', {'steps': '3', 'loop.m': '4'})
    assert (cfg.loop.n, cfg.loop.m, cfg.twice.n) == (3, 4, 6)
    assert load_with_overrides(tmp_path / 'plain.json', {'loop.n': '3'}).loop.n == 3


def test_a_mapping_is_merged_into_the_variable_and_does_not_replace_it(config):
    cfg = load_with_overrides(config, dict(loop=dict(half=1)))
    assert cfg.loop == dict(max_iters=10, half=1)
    with pytest.raises(UserError, match=r'loop holds several values; name one of them, loop\.NAME=VALUE'):
        load_with_overrides(config, dict(loop='3'))


@pytest.mark.parametrize('text', ['2024', 'true', 'None', '/a,b/c', '/a b/räum [1]', '[x]', "it's", '"quoted"', ''])
def test_a_variable_that_is_a_text_stays_what_was_typed(config, text):
    for key in ('data_root', 'files.train', 'load_from'):
        cfg = load_with_overrides(config, typed(f'{key}={text}'))
        wanted = None if (key, text) == ('load_from', 'None') else text
        assert (cfg.get(key) if '.' not in key else cfg.files.train) == wanted


def test_a_text_in_the_base_stays_one_where_the_config_itself_says_none(config):
    config.write_text(f'{config.read_text()}data_root = None\n')
    assert load_with_overrides(config, typed('data_root=2024')).data_root == '2024'


@pytest.mark.parametrize(
    ('default', 'text', 'value'),
    [
        ('10', '1e-3', 1e-3),
        ('10', '1e3', 1000),
        ('10', '007', 7),
        ('1.0', '010', 10),
        ('10', '[1, 2]', [1, 2]),
        ('True', 'null', None),
        ('None', 'null', None),
        ('10', 'auto', 'auto'),
        ('True', 'false', False),
        ('True', 'False', False),
        ('None', 'None', None),
        ('None', '2', 2),
        ('None', '/a b/c,d', '/a b/c,d'),
        ('[1, 2]', '3,4', [3, 4]),
        ('[1, 2]', '[3, 4]', [3, 4]),
        ('(1, 2)', '(3, 4)', (3, 4)),
        ('None', '[(1, 2), [a, b], c d]', [(1, 2), ['a', 'b'], 'c d']),
        ("['a', 'b']", '[2024,b c]', ['2024', 'b c']),
        ("['a', 'b']", '["2024", \'x\']', ['2024', 'x']),
    ],
)
def test_other_values_are_read_as_what_stands_there(tmp_path, default, text, value):
    (tmp_path / 'one.py').write_text(f'x = {default}\nplace = dict(x={default})\n')
    cfg = load_with_overrides(tmp_path / 'one.py', typed(f'x={text}', f'place.x={text}'))
    assert cfg.x == cfg.place.x == value and type(cfg.x) is type(value)


@pytest.mark.parametrize(
    ('key', 'nearest'),
    [
        ('step', 'steps'),
        ('dataroot', 'data_root'),
        ('lop.half', 'loop'),
        ('train_datloader.batch_size', 'train_dataloader'),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(config, key, nearest):
    with pytest.raises(UserError, match=rf'has no {key.partition(".")[0]}, so .* nearest: .*\b{nearest}\b'):
        load_with_overrides(config, {key: '1'})


@pytest.mark.parametrize('option', ['_columns=7', '_cells=[8,8,8]', '_base_=x', '_name=1', '_place.x=1'])
def test_what_a_config_makes_on_the_way_is_no_setting(option):
    with pytest.raises(UserError, match=rf'folder\.py: {option.partition("=")[0]}=.* begins with _ is no setting'):
        load_with_overrides(FOLDER, typed(option))


def test_a_place_within_what_is_not_there_is_refused_where_something_is_nearly_called_so(config):
    with pytest.raises(UserError, match=r'files has no trian, so files\.trian\.x would .* nearest: train'):
        load_with_overrides(config, {'files.trian.x': '1'})
    with pytest.raises(UserError, match=r'model\.channels\.7 has no place'):
        load_with_overrides(config, {'model.channels.7': '1'})
    assert load_with_overrides(config, {'randomness.seed': '3'}).randomness.seed == 3


def test_a_file_that_is_no_python_is_the_users(tmp_path):
    (tmp_path / 'bad.py').write_text('x = (\n')
    with pytest.raises(UserError, match=r'bad\.py'):
        load_with_overrides(tmp_path / 'bad.py', {})


def test_an_option_without_a_value_is_refused(capsys):
    with pytest.raises(SystemExit):
        typed('max_iters')
    assert '--cfg-options max_iters: wanted KEY=VALUE' in capsys.readouterr().err


def test_modules_that_an_override_names_are_imported(tmp_path, monkeypatch):
    """So that what they register can stand in the config; mmengine imports what the file names alone."""
    (tmp_path / 'module_of_an_override.py').write_text('')
    (tmp_path / 'config.py').write_text("custom_imports = dict(imports=['json'], allow_failed_imports=False)\n")
    monkeypatch.syspath_prepend(tmp_path)
    options = typed('custom_imports.imports=json,module_of_an_override')
    load_with_overrides(tmp_path / 'config.py', options)
    assert sys.modules.pop('module_of_an_override')


@pytest.mark.parametrize('name', ['ann_file', 'data_root', 'checkpoint', 'jsonfile_prefix', 'out_dir'])
@pytest.mark.parametrize('text', ['2024', 'true', '/a,b', '1e3', '007', 'x~/y', 'null', '"q"', 'a=b', '[x]'])
def test_a_path_that_the_config_does_not_have_yet_is_a_text_too(tmp_path, name, text):
    (tmp_path / 'one.py').write_text(f'place = dict(x=1)\n{name} = None\n')
    cfg = load_with_overrides(tmp_path / 'one.py', typed(f'{name}={text}', f'place.{name}={text}'))
    assert cfg[name] == cfg.place[name] == text


@pytest.mark.parametrize('text', ['2024', '0', 'true', '1e3', '[a]', 'a,b'])
def test_an_argument_that_its_class_calls_a_text_is_one(text):
    key = 'train_dataloader.dataset.npz_key'
    dataset = load_with_overrides(FOLDER, {key: text}).train_dataloader.dataset
    assert dataset.npz_key == text
    assert load_with_overrides(FOLDER, {key: 'None'}).train_dataloader.dataset.npz_key is None


OBJECTS = Path('configs/asymdsd/asymdsd_tiny_synthetic.py').resolve()


def test_a_number_whose_name_ends_as_that_of_a_path_is_one():
    assert load_with_overrides(OBJECTS, {'model.encoder.drop_path': '0.2'}).model.encoder.drop_path == 0.2
    with pytest.raises(InputError, match=r"drop_path='much': wanted a number"):
        load_with_overrides(OBJECTS, {'model.encoder.drop_path': 'much'})


def test_settings_within_those_of_a_class_are_known_where_the_config_leaves_them_out():
    place = 'train_dataloader.dataset.pipeline.0.whole'
    step = load_with_overrides(OBJECTS, {f'{place}.min_points': '60'}).train_dataloader.dataset.pipeline[0]
    assert step.whole.min_points == 60 and step.whole.points == 512
    with pytest.raises(InputError, match=r'whole has no least_points.*nearest: .*min_points'):
        load_with_overrides(OBJECTS, {f'{place}.least_points': '60'})


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(max_iters=1), 'CosineAnnealingLR would last from step 1 to step 1: let the run be longer'),
        (dict(max_iters=9, warmup_iters=20), 'CosineAnnealingLR would last from step 20 to step 9'),
        (dict(warmup_iters=-1), 'LinearLR would last from step 0 to step 0'),
        (dict(learning_rate=1e-9), r'start_factor=100: the warm-up begins .* raise learning_rate'),
    ],
)
def test_a_schedule_that_cannot_be_is_named_with_what_makes_it(given, message):
    with pytest.raises(InputError, match=message):
        load_with_overrides(OBJECTS, {name: str(value) for name, value in given.items()})


def test_commas_within_quotes_are_letters_of_a_text():
    names = ['x [m]', 'y [m]', 'z [m]', 'intensity 0-1, of 255']
    assert load_with_overrides(FOLDER, {'input_channels': str(names)}).input_channels == names


def test_several_values_in_place_of_one_number_are_refused(config):
    with pytest.raises(UserError, match=r'steps=1,000: one number stands there \(10\), without commas'):
        load_with_overrides(config, typed('steps=1,000'))


def test_a_variable_that_nothing_is_made_from_is_refused(config):
    with pytest.raises(UserError, match=r'note=y would change nothing: .* made from note; override the place itself'):
        load_with_overrides(config, typed('note=y', 'width=8'))
    assert load_with_overrides(config, typed('note=x')).note == 'x'


@pytest.mark.parametrize(
    ('name', 'option'),
    [
        ('centerpoint/centerpoint_small_synthetic', 'lr=0.5'),  # of mmdet3d's schedule, which is not this config's
        ('centerpoint/centerpoint_voxel01_nuscenes', 'sweeps_num=1'),
        ('segmentation/minkunet_semantickitti', 'voxel_size=[0.2,0.2,0.2]'),
        ('dos/dos_minkunet_joint_synthetic', 'num_sweeps=3'),
        ('dos/dos_second_joint', "input_channels=['x [m]','y [m]','z [m]']"),
    ],
)
def test_a_variable_that_says_what_is_stated_elsewhere_is_refused(name, option):
    with pytest.raises(UserError, match='would change nothing'):
        load_with_overrides(ROOT / f'configs/{name}.py', typed(option))


def test_channels_may_have_other_names():
    names = "['x [m]', 'y [m]', 'z [m]', 'reflectivity', 'time lag [s]']"
    load_with_overrides(ROOT / 'configs/dos/dos_second_joint.py', typed(f'input_channels={names}'))


def test_a_place_in_a_variable_is_followed_by_what_is_made_from_it(tmp_path):
    (tmp_path / 'base.py').write_text(
        "read = [dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=5), dict(type='Pack3DDetInputs')]\n"
        'train_dataloader = dict(batch_size=1, dataset=dict(pipeline=read))\nparts = dict(a=dict(n=1))\n'
    )
    (tmp_path / 'child.py').write_text("_base_ = './base.py'\nmodel = dict(n=_base_.parts.a.n)\n")
    options = typed('read.0.load_dim=4', 'parts.a.n=3')
    cfg = load_with_overrides(tmp_path / 'child.py', options)
    assert cfg.train_dataloader.dataset.pipeline[0].load_dim == cfg.read[0].load_dim == 4
    assert cfg.model.n == cfg.parts.a.n == 3
    with pytest.raises(UserError, match=r'read\.0 has no load_dmi, so .* nearest: load_dim'):
        load_with_overrides(tmp_path / 'child.py', typed('read.0.load_dmi=4'))


def test_a_place_that_is_deleted_gets_what_is_given_for_it_in_any_order(config):
    config.write_text(config.read_text() + "optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1, eps=1))\n")
    options = ['type=SGD', 'lr=2', '_delete_=True']
    cfg = load_with_overrides(config, typed(*(f'optim_wrapper.optimizer.{option}' for option in options)))
    assert cfg.optim_wrapper.optimizer == dict(type='SGD', lr=2)


def test_what_holds_several_values_can_be_taken_away():
    options = typed('val_dataloader=None', 'val_cfg=None', 'val_evaluator=None', 'optim_wrapper.clip_grad=None')
    cfg = load_with_overrides(ROOT / 'configs/centerpoint/centerpoint_voxel01_nuscenes.py', options)
    assert cfg.val_dataloader is cfg.val_cfg is cfg.val_evaluator is cfg.optim_wrapper.clip_grad is None
    assert cfg.test_dataloader.dataset.test_mode


def test_none_is_none_where_a_class_can_do_without():
    options = typed('train_dataloader.dataset.part=None', 'train_dataloader.dataset.data_root=None', 'sync_bn=None')
    cfg = load_with_overrides(ROOT / 'configs/dos/dos_second_synthetic.py', options)
    assert cfg.train_dataloader.dataset.part is cfg.sync_bn is None
    assert cfg.train_dataloader.dataset.data_root == 'None'  # a folder may be called so


@pytest.mark.parametrize('text', ['', '1e-3x', 'nan', '-inf', '3,5', '1.2.3'])
def test_what_is_nearly_a_number_is_refused_in_place_of_one(config, text):
    for key in ('steps', 'loop.half'):
        with pytest.raises(UserError, match=rf'{key}={text}: .*number stands there'):
            load_with_overrides(config, typed(f'{key}={text}'))


@pytest.mark.parametrize('text', ["[dict(type='A')]", 'A', '[A,B]', '3'])
def test_a_list_of_named_values_is_given_as_one(config, text):
    config.write_text(config.read_text() + "hooks = [dict(type='A', n=1)]\nmade = list(hooks)\n")
    with pytest.raises(UserError, match=r'a list of named values stands there; .* hooks\.0\.NAME=VALUE'):
        load_with_overrides(config, typed(f'hooks={text}'))
    assert load_with_overrides(config, typed("hooks=[{'type': 'B'}]")).made == [dict(type='B')]
    assert load_with_overrides(config, typed('hooks=[]')).made == []


def test_a_value_that_the_config_cannot_be_made_with_is_named(config):
    config.write_text(config.read_text() + 'sizes = [1, 2]\nhalf = [size / 2 for size in sizes][:1]\n')
    with pytest.raises(UserError, match=r'cannot be made with sizes=3 \(in place of \[1, 2\]\): .*not iterable'):
        load_with_overrides(config, typed('sizes=3'))
    config.write_text(config.read_text() + 'n = 1 / 0\n')  # the file's own, whatever is given
    with pytest.raises(UserError, match=r'child\.py, line \d+: cannot be read .*ZeroDivisionError'):
        load_with_overrides(config, {})


def test_a_module_that_cannot_be_imported_is_named(tmp_path):
    (tmp_path / 'one.py').write_text("custom_imports = dict(imports=['json'], allow_failed_imports=False)\n")
    with pytest.raises(UserError, match='custom_imports: Failed to import no_such_module'):
        load_with_overrides(tmp_path / 'one.py', typed('custom_imports.imports=[no_such_module]'))


def test_the_home_folder_is_put_where_a_shell_leaves_its_sign(config, monkeypatch):
    monkeypatch.setenv('HOME', '/home/someone')
    cfg = load_with_overrides(
        config, typed('data_root=~/sweeps/', 'loop.work_dir=~', 'files.other=~nobody-of-this-name/x')
    )
    assert cfg.files.train == '/home/someone/sweeps/train.pkl'
    assert (cfg.loop.work_dir, cfg.files.other) == ('/home/someone', '~nobody-of-this-name/x')
    assert "'/home/someone/sweeps/'" in cfg.pretty_text, 'what a checkpoint keeps of it'


def test_a_place_in_a_variable_that_nothing_is_made_from_is_refused(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(
        "metainfo = dict(classes=['car'])\nsizes = dict(wide=8, deep=[2, 3])\nmodel = dict(width=sizes['wide'])\n"
        'train_dataloader = dict(batch_size=1)\n'
    )
    for option in ('metainfo.classes=[bus]', 'sizes.deep.0=1'):
        with pytest.raises(UserError, match=rf'{option.partition("=")[0]}=.*would change nothing.*made from '):
            load_with_overrides(path, typed(option))
    assert load_with_overrides(path, typed('sizes.wide=16')).model.width == 16
    assert load_with_overrides(path, typed('sizes.deep.0=2')).sizes.deep == [2, 3], 'as it was'


def test_one_number_of_a_list_can_be_given_and_what_is_made_from_it_follows(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('size = [1, 2]\nmodel = dict(twice=[2 * edge for edge in size], pairs=[(1, 2), (3, 4)])\n')
    cfg = load_with_overrides(path, typed('size.1=5', 'model.pairs.0.1=9', 'model.twice.0=7'))
    assert (cfg.size, cfg.model.twice, cfg.model.pairs) == ([1, 5], [7, 10], [(1, 9), (3, 4)])
    with pytest.raises(UserError, match=r'size\.2 has no place: size is a list of 2'):
        load_with_overrides(path, typed('size.2=5'))


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('x = (', 'was never closed'),
        ('x = y', "NameError: name 'y' is not defined"),
        ("_base_ = ['no.py']", r'no\.py'),
        ("custom_imports = dict(imports=['no_such_module'], allow_failed_imports=False)", 'no_such_module'),
        ('x = 1 / 0', 'ZeroDivisionError'),
    ],
)
def test_a_config_that_cannot_be_read_is_named(tmp_path, text, said):
    (tmp_path / 'own.py').write_text(text)
    with pytest.raises((UserError, OSError), match=said):
        load_with_overrides(tmp_path / 'own.py', {})
