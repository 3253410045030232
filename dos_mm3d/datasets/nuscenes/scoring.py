"""Whether nuScenes' devkit will score what a test makes; it looks only when all frames are done."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import InputError
from ..info_pickle import load_info_pickle
from .check import SCENES, check_official_tables
from .scenes import read_scene_of_sample


def check_scoring(dataset: Mapping[str, Any], metrics: Sequence[Mapping[str, Any]]) -> None:
    """InputError or MissingFileError where NuScenesMetric is to score other frames than those of its validation split,
    or needs a file that is not there.

    dataset, metrics: of a config's val or test.
    """
    for metric in metrics:
        if metric.get('type') == 'NuScenesMetric' and not metric.get('format_only', False):
            _check_metric(dataset, metric)


def _check_metric(dataset: Mapping[str, Any], metric: Mapping[str, Any]) -> None:
    while dataset.get('dataset') is not None:  # out of what wraps it
        dataset = dataset['dataset']
    path = Path(dataset.get('data_root') or '', dataset['ann_file'])
    if (read := Path(metric['ann_file'])).absolute() != path.absolute():
        raise InputError(f'{read}: is scored (test_evaluator.ann_file), but {path} is tested; wanted the same infos')
    infos = load_info_pickle(path, data_set='nuscenes')
    version = infos['metainfo'].get('version')
    if version not in SCENES or not SCENES[version][1]:
        raise InputError(
            f'{path}: is of {version}, which has no labels to score. Score a split of v1.0-trainval or v1.0-mini; or '
            'write results for the server: test_evaluator.format_only=True test_evaluator.jsonfile_prefix=FOLDER/NAME'
        )
    root = Path(metric['data_root'])
    check_official_tables(root, version)
    official = set(SCENES[version][1])
    wanted = {token for token, scene in read_scene_of_sample(root / version).items() if scene in official}
    entries = _tested(dataset, infos['data_list'])
    tested = {info.get('token') for info in entries}
    if tested != wanted:
        raise InputError(
            f"{path}: {len(tested & wanted)} of the {len(wanted)} key frames of {version}'s validation split would be "
            f'tested, and {len(tested - wanted)} others; the devkit scores the whole split only. Take the val infos, '
            'without indices, load_interval or labelled_scenes; or leave the scores out: '
            'test_evaluator.format_only=True test_evaluator.jsonfile_prefix=FOLDER/NAME'
        )
    _name_absent_classes(path, infos['metainfo'].get('categories') or {}, entries)


def _name_absent_classes(path: Path, categories: Mapping[str, int], entries: Sequence[Mapping[str, Any]]) -> None:
    """Say which classes have no box: the devkit has no number for 'nothing to find'."""
    there = {box['bbox_label_3d'] for info in entries for box in info.get('instances', ())}
    if absent := [name for name, label in categories.items() if label not in there]:
        print(
            f'warning: {path}: no box of {", ".join(absent)} in its {len(entries)} frames; the devkit scores such a '
            'class 0, and counts it in mAP and NDS',
            file=sys.stderr,
        )


def _tested(dataset: Mapping[str, Any], entries: list[dict]) -> list[dict]:
    """The entries that a data set's config keeps; none for the ways that keep some by their content."""
    if dataset.get('labelled_scenes') is not None or dataset.get('load_interval', 1) != 1:
        return []
    indices = dataset.get('indices')
    if indices is None:
        return entries
    if isinstance(indices, int):
        return entries[:indices] if indices >= 0 else entries[indices:]
    return [entries[index] for index in indices if -len(entries) <= index < len(entries)]
