"""A number that a config states once and puts into several places is not changed in one of them alone."""

from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides
from dos_mm3d.errors import InputError

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / 'own.py').write_text(
        "steps, width, root = 10, 10, 'a/'\n"
        'sizes = [4, 5]\n'
        'train_cfg = dict(max_iters=steps)\n'
        'param_scheduler = [dict(end=steps, begin=1), dict(begin=steps // 2, end=2 * steps)]\n'
        'model = dict(channels=width, voxel_size=sizes, head=dict(cells=sizes[0] * sizes[1], channels=width))\n'
        'default_hooks = dict(checkpoint=dict(interval=steps))\n'
        'train_dataloader = dict(dataset=dict(root=root))\n'
        'val_dataloader = dict(dataset=dict(root=root), batch_size=1)\n'
    )
    return tmp_path / 'own.py'


@pytest.mark.parametrize(
    ('name', 'key', 'value', 'said'),
    [
        ('dos_second_folder', 'train_cfg.max_iters', '200', 'param_scheduler.0.total_steps.* say max_iters=200'),
        ('dos_second_folder', 'optim_wrapper.optimizer.lr', '1e-5', 'scheduler.0.eta_max.* say learning_rate=1e-5'),
        ('dos_second_folder', 'param_scheduler.0.eta_max', '1e-5', 'optimizer.lr.* say learning_rate=1e-5'),
    ],
)
def test_length_and_rate_are_not_changed_in_part(name, key, value, said):
    with pytest.raises(InputError, match=f'{key}={value} alone would leave .*{said}'):
        load_with_overrides(CONFIGS / f'dos/{name}.py', {key: value})


def test_so_is_the_rate_of_another_packages_base():
    with pytest.raises(InputError, match=r'would leave param_scheduler.*say lr=1e-5'):
        load_with_overrides(
            CONFIGS / 'centerpoint/centerpoint_voxel01_nuscenes.py', {'optim_wrapper.optimizer.lr': '1e-5'}
        )


def test_the_first_places_are_named(config):
    with pytest.raises(
        InputError, match=r'leave param_scheduler\.0\.end, param_scheduler\.1\.begin, param_scheduler\.1\.end, made'
    ):
        load_with_overrides(config, {'train_cfg.max_iters': '30'})


def test_numbers_in_a_list_are_followed_as_one(config):
    with pytest.raises(InputError, match=r'leave model\.head\.cells, made from the same sizes=\[4, 5\].*say sizes='):
        load_with_overrides(config, {'model.voxel_size': '[1,2]'})


@pytest.mark.parametrize(
    'options',
    [
        {'model.channels': '12'},  # a name of which several may be meant
        {'default_hooks.checkpoint.interval': '2'},  # of a run of the same length
        {'val_dataloader.batch_size': '2'},
        {'val_dataloader.dataset.root': 'b/'},  # a folder of one loader may be meant
        {'train_cfg.max_iters': '10'},
        {'train_cfg.max_iters': '30', 'steps': '30'},
        {'train_cfg.max_iters': 30, 'param_scheduler': None},
        {'train_cfg.max_iters': 30}
        | {f'param_scheduler.{k}': v for k, v in (('0.end', 30), ('1.begin', 15), ('1.end', 60))},
    ],
)
def test_what_leaves_nothing_behind_is_followed(config, options):
    load_with_overrides(config, options)
