"""Range and voxel size are stated once in a config: whatever is derived from them follows the command line."""

from pathlib import Path

import pytest

from dos_mm3d.engine.config_overrides import load_with_overrides

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
RANGE_M = [-25.6, -25.6, -5.0, 25.6, 25.6, 3.0]
VOXEL_M = [0.4, 0.4, 0.5]
CELLS = [128, 128, 16]
NAMES = [
    'centerpoint/centerpoint_voxel01_nuscenes',
    'centerpoint/centerpoint_voxel0075_nuscenes_20percent_dos',
    'centerpoint/centerpoint_small_synthetic',
    'centerpoint/centerpoint_small_synthetic_waymo',
    'centerpoint/centerpoint_ptv3_nuscenes',
    'centerpoint/centerpoint_voxel01_waymo',
    'dos/dos_second_folder',
    'dos/dos_second_voxel0075_nuscenes',
    'dos/dos_second_scannet',
    'dos/dos_second_synthetic_waymo',
    'dos/dos_minkunet_semantickitti',
    'dos/dos_ptv3_nuscenes',
    'dos/dos_ptv3_joint',
    'dos/dos_cylinder3d_semantickitti',
    'dos/dos_cylinder3d_synthetic',
    'second/second_kitti',
    'second/second_small_kitti',
    'ablations/zipf_1p3',
]
FAR_M = [-100.0, -90.0, -12.0, 100.0, 95.0, 14.0]


def found(value: object, name: str) -> list:
    """Everything called `name` in nested containers."""
    if isinstance(value, dict):
        own = [value[name]] if name in value else []
        return own + [item for inner in value.values() for item in found(inner, name)]
    return [item for inner in value for item in found(inner, name)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize('name', NAMES)
def test_what_is_derived_from_range_and_voxel_size_follows(name):
    cfg = load_with_overrides(CONFIGS / f'{name}.py', dict(point_cloud_range=RANGE_M, voxel_size=VOXEL_M))
    places = [cfg.model, cfg.train_dataloader, cfg.get('test_dataloader')]
    if 'cylinder3d' in name:  # the voxels are sectors, which have a range of their own
        places = [cfg.model.data_preprocessor.loss_grid]
        sectors = found([cfg.model.backbone, cfg.model.data_preprocessor.voxel_layer], 'point_cloud_range')
        turn = 3.14159265359
        assert sectors == [[0, -turn, -5.0, 25.6, turn, 3.0]] * 2
    assert found(places, 'voxel_size') and all(size == VOXEL_M[: len(size)] for size in found(places, 'voxel_size'))
    assert all(bounds == RANGE_M for bounds in found(places, 'point_cloud_range'))
    assert all(corner == RANGE_M[:2] for corner in found(places, 'pc_range'))
    assert all(shape == [CELLS[2] + 1, CELLS[1], CELLS[0]] for shape in found(places, 'sparse_shape'))
    assert all(cells == CELLS for cells in found(places, 'grid_size'))
    for heads in found(places, 'ranges'):  # of anchors
        assert all([*area[:2], *area[3:5]] == [*RANGE_M[:2], *RANGE_M[3:5]] for area in heads)


@pytest.mark.parametrize('name', [name for name in NAMES if name.startswith('centerpoint/')])
def test_no_box_within_a_longer_range_is_cut_off(name):
    model = load_with_overrides(CONFIGS / f'{name}.py', dict(point_cloud_range=FAR_M)).model
    limits = found(model, 'post_center_range') + found(model, 'post_center_limit_range')
    assert limits == [FAR_M] * 2


def test_boxes_of_the_own_range_are_kept_as_by_mmdet3d():
    for name in ('centerpoint_voxel01_nuscenes', 'centerpoint_voxel0075_nuscenes', 'centerpoint_small_synthetic'):
        model = load_with_overrides(CONFIGS / f'centerpoint/{name}.py', {}).model
        limits = found(model, 'post_center_range') + found(model, 'post_center_limit_range')
        assert limits == [[-61.2, -61.2, -10.0, 61.2, 61.2, 10.0]] * 2
