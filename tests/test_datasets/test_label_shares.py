"""Shares of the labels: whole sequences, nested, fixed by a seed; any data set of mmdet3d cut to them."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest
from mmdet3d.registry import DATASETS
from mmengine.config import Config

from dos_mm3d.datasets.info_pickle import load_info_pickle
from dos_mm3d.datasets.label_shares import (
    FIRST,
    SHARES_PERCENT,
    cut_to_sequences,
    draw_shares,
    frames_by_sequence,
    sequence_of,
)
from dos_mm3d.datasets.nuscenes.scenes import read_scene_of_sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ('n', 'sizes'), [(1, [1, 1, 1, 1, 1]), (10, [1, 1, 1, 5, 10]), (40, [1, 1, 4, 20, 40]), (700, [1, 7, 70, 350, 700])]
)
def test_sizes_are_those_of_whole_sequences_and_never_none(n: int, sizes: list[int]) -> None:
    drawn = draw_shares([f's{i:03d}' for i in range(n)], seed=3)
    assert [len(drawn[percent]) for percent in SHARES_PERCENT] == sizes


def test_a_larger_share_contains_the_smaller_ones() -> None:
    names = [f's{i:03d}' for i in range(137)]
    drawn = list(draw_shares(names, [0.5, 3, 20, 66.6, 100], seed=5).values())
    for small, large in pairwise(drawn):
        assert set(small) < set(large)
    assert drawn[-1] == names


def test_the_seed_alone_decides() -> None:
    names = [f's{i:02d}' for i in range(40)]
    drawn = draw_shares(names, [10], seed=1)
    shuffled = names * 3
    random.Random(0).shuffle(shuffled)
    assert draw_shares(shuffled, [10], seed=1) == drawn, 'order and repetition of the names are irrelevant'
    assert draw_shares(names, [10, 50], seed=1)[10] == drawn[10], 'so are the other shares'
    others = {tuple(draw_shares(names, [10], seed=seed)[10]) for seed in range(20)}
    assert len(others) > 15


def test_every_sequence_is_drawn_about_as_often() -> None:
    counts = dict.fromkeys('abcdefghij', 0)
    for seed in range(2000):
        for name in draw_shares(counts, [30], seed=seed)[30]:
            counts[name] += 1
    assert all(500 < count < 700 for count in counts.values()), counts  # 600 expected, sd 20


def test_nuscenes_smallest_share_is_nomaes() -> None:
    names = [f'scene-{i:04d}' for i in range(1, 701)]
    drawn = draw_shares(names, seed=0, first=FIRST)
    assert drawn[0.1] == ['scene-0392']
    assert 'scene-0392' in drawn[1.0]
    assert draw_shares(['a', 'b'], [50], seed=0, first=FIRST) == draw_shares(['a', 'b'], [50], seed=0)


@pytest.mark.parametrize(('names', 'percent', 'said'), [([], 10, 'no sequences'), (['a'], 0, '0'), (['a'], 101, '101')])
def test_impossible_shares_are_refused(names: list[str], percent: float, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        draw_shares(names, [percent], seed=0)


@pytest.mark.parametrize(
    ('path', 'name'),
    [
        ('sequences/08/velodyne/000123.bin', '08'),
        ('data/semantickitti/sequences/08/velodyne/000123.bin', '08'),
        ('scene0011_01.bin', 'scene0011'),
        ('data/scannet/points/scene0011_00.bin', 'scene0011'),
        ('1234056.bin', '1234'),
        ('data/waymo/kitti_format/training/velodyne/0001002.bin', '0001'),
    ],
)
def test_files_name_their_sequence(path: str, name: str) -> None:
    assert sequence_of({'lidar_points': {'lidar_path': path}}, None) == name


def test_a_file_without_a_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match=r'other\.bin: names no sequence'):
        sequence_of({'lidar_points': {'lidar_path': 'other.bin'}}, None)


def lidarseg(root: Path, **more: object) -> dict:
    return dict(type='NuScenesLidarseg', data_root=f'{root}/', ann_file='nuscenes_infos_train.pkl', pipeline=[], **more)


def semantickitti(root: Path) -> dict:
    cfg = Config.fromfile(ROOT / 'configs/segmentation/_base_/semantickitti.py')
    return {**cfg.train_dataloader.dataset.to_dict(), 'data_root': f'{root}/', 'pipeline': []}


def scenes(root: Path) -> dict[str, list[str]]:
    """Scene -> tokens of its key frames, from the tables."""
    scene_of = read_scene_of_sample(root / 'v1.0-trainval')
    tokens = [info['token'] for info in load_info_pickle(root / 'nuscenes_infos_train.pkl')['data_list']]
    return {name: [t for t in tokens if scene_of[t] == name] for name in sorted({scene_of[t] for t in tokens})}


def test_frames_of_a_sequence_are_counted(synthetic_nuscenes: Path, synthetic_semantickitti: Path) -> None:
    wanted = {name: len(tokens) for name, tokens in scenes(synthetic_nuscenes).items()}
    assert frames_by_sequence(lidarseg(synthetic_nuscenes, labelled_scenes=1)) == wanted
    assert frames_by_sequence(semantickitti(synthetic_semantickitti)) == {'00': 2, '01': 2}


def test_lidarseg_is_cut_and_its_own_few_scenes_give_way(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    (first, _), (second, tokens) = scenes(synthetic_nuscenes).items()
    config = cut_to_sequences(lidarseg(synthetic_nuscenes, labelled_scenes=1), [second])
    dataset = DATASETS.build(config)
    assert type(dataset).__name__ == 'NuScenesLidarseg'
    assert [dataset.get_data_info(i)['token'] for i in range(len(dataset))] == tokens
    list_file = tmp_path / 'list.json'
    list_file.write_text(json.dumps([first, second]))
    assert len(DATASETS.build(cut_to_sequences(lidarseg(synthetic_nuscenes), str(list_file)))) == 2 * len(tokens)


def test_boxes_are_cut_inside_class_balancing(synthetic_nuscenes: Path) -> None:
    cfg = Config.fromfile(ROOT / 'configs/centerpoint/centerpoint_small_synthetic.py')
    plain = {**cfg.train_dataloader.dataset.to_dict(), 'data_root': f'{synthetic_nuscenes}/', 'pipeline': []}
    second, tokens = list(scenes(synthetic_nuscenes).items())[1]
    for dataset in (dict(type='CBGSDataset', dataset=plain), dict(type='RepeatDataset', times=2, dataset=plain)):
        built = DATASETS.build(cut_to_sequences(dataset, [second]))
        assert {built.dataset.get_data_info(i)['token'] for i in range(len(built.dataset))} == set(tokens)


def test_semantickitti_is_cut(synthetic_semantickitti: Path) -> None:
    dataset = DATASETS.build(cut_to_sequences(semantickitti(synthetic_semantickitti), ['01']))
    paths = [dataset.get_data_info(i)['lidar_points']['lidar_path'] for i in range(len(dataset))]
    assert len(paths) == 2
    assert all('/01/' in path for path in paths)


def test_a_list_of_another_data_set_is_refused(synthetic_nuscenes: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r'has no sequence scene-9999; wanted some of 2'):
        DATASETS.build(cut_to_sequences(lidarseg(synthetic_nuscenes), ['scene-9999']))
    with pytest.raises(FileNotFoundError, match='run_protocol'):
        DATASETS.build(cut_to_sequences(lidarseg(synthetic_nuscenes), str(tmp_path / 'none.json')))
    (tmp_path / 'bad.json').write_text('{}')
    with pytest.raises(ValueError, match='JSON list'):
        DATASETS.build(cut_to_sequences(lidarseg(synthetic_nuscenes), str(tmp_path / 'bad.json')))
