"""Training with a share of the labels, drawn as whole sequences: which ones, and any data set of mmdet3d cut to them.

Frames of one sequence look alike, so labels are counted in sequences: a nuScenes scene, a SemanticKITTI or Waymo
sequence, a ScanNet scene with all its scans. KITTI's objects do not say which drive a frame is of: each is its own.
"""

import copy
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmdet3d.registry import DATASETS
from mmengine.dataset import BaseDataset

from ..errors import InputError, InputTypeError, MissingFileError
from .nuscenes.scenes import read_scene_of_sample

SHARES_PERCENT = (0.1, 1.0, 10.0, 50.0, 100.0)
# What NOMAE calls 0.1 % of nuScenes (docs/method.md, "Probing and fine-tuning"). It leads every draw that contains it.
FIRST = 'scene-0392'
# How a point file's path names its sequence: SemanticKITTI, ScanNet (scans of one scene share it), Waymo (split digit
# and segment, then the frame), KITTI (the frame).
_IN_PATH = tuple(
    re.compile(pattern)
    for pattern in (
        r'(?:^|/)sequences/(\d\d)/',
        r'(?:^|/)(scene\d{4})_\d\d\.\w+$',
        r'(?:^|/)(\d{4})\d{3}\.bin$',
        r'(?:^|/)(\d{6})\.bin$',
    )
)

# what thins the labels of a config's own data set -> its value for all of them
_EVERY_LABEL = {'labelled_scenes': None, 'load_interval': 1}

_COUNTED: dict[str, dict[str, int]] = {}


def draw_shares(
    sequences: Iterable[str], percents: Sequence[float] = SHARES_PERCENT, *, seed: int, first: str | None = None
) -> dict[float, list[str]]:
    """Share in percent -> sorted names of its sequences; a larger share contains every smaller one.

    The distinct names are sorted, shuffled by the seed, and the first round(share x number) are taken, never fewer
    than one. The order and repetition of ``sequences`` are irrelevant. first: a name that leads the shuffled ones where
    it is present. ValueError for no sequences, or a share that is not in (0, 100].
    """
    names = sorted(set(sequences))
    if not names:
        raise InputError('no sequences to draw labels from; wanted at least one')
    if wrong := [percent for percent in percents if not 0 < percent <= 100]:
        raise InputError(f'shares of the labels are in percent, above 0 and at most 100, got {wrong}')
    order = [names[index] for index in np.random.default_rng(seed).permutation(len(names))]
    if first in names:
        order = [first, *(name for name in order if name != first)]
    return {percent: sorted(order[: max(1, round(percent * len(names) / 100))]) for percent in percents}


def sequence_of(entry: Mapping[str, Any], scene_of_sample: Mapping[str, str] | None) -> str:
    """Name of the sequence of one entry of mmdet3d's infos, as read from the file or as its data set holds it.

    scene_of_sample: of nuScenes, whose entries have a token (:func:`read_scene_of_sample`), else None. ValueError
    where the entry names no sequence.
    """
    if scene_of_sample is not None and entry.get('token') in scene_of_sample:
        return scene_of_sample[entry['token']]
    path = str(entry.get('lidar_points', {}).get('lidar_path', ''))
    for pattern in _IN_PATH:
        if match := pattern.search(path):
            return match[1]
    raise InputError(
        f"{path or sorted(entry)}: names no sequence; wanted a token of nuScenes' sample.json, or a file like "
        'sequences/00/velodyne/000000.bin (SemanticKITTI), scene0000_00.bin (ScanNet), 0000000.bin (Waymo), '
        '000000.bin (KITTI)'
    )


def frames_by_sequence(dataset: Mapping[str, Any]) -> dict[str, int]:
    """Sequence -> number of its frames that a data set of mmdet3d has labels for, by name.

    dataset: config of the innermost data set (:func:`leaf`); its own few labels (:func:`all_labels`) are left aside.
    Counted once for every info file.
    """
    path = os.path.join(dataset['data_root'], dataset['ann_file'])
    written_ns = os.stat(path).st_mtime_ns if os.path.isfile(path) else 0
    whole = {**all_labels(dataset), 'pipeline': []}
    key = f'{whole} {written_ns}'
    if key not in _COUNTED:
        built = DATASETS.build(copy.deepcopy(whole))
        built.full_init()
        _COUNTED[key] = dict(sorted(Counter(_sequences_in(built)).items()))
    return dict(_COUNTED[key])


def _sequences_in(dataset: BaseDataset) -> list[str]:
    """The sequence of every sample."""
    entries = [dataset.get_data_info(index) for index in range(len(dataset))]
    return sequences_of(entries, dataset.metainfo, dataset.data_root)


def sequences_of(entries: Sequence[Mapping[str, Any]], metainfo: Mapping[str, Any], data_root: str | Path) -> list[str]:
    """The sequence of every entry. metainfo: of the data set; its version names the folder of nuScenes' tables."""
    has_tokens = bool(entries) and 'token' in entries[0]
    scene_of_sample = read_scene_of_sample(Path(data_root) / metainfo['version']) if has_tokens else None
    return [sequence_of(entry, scene_of_sample) for entry in entries]


@DATASETS.register_module()
class SequenceShare:
    """``dict(type='SequenceShare', dataset=..., sequences=...)``: that data set with the frames of some sequences only.

    What is built is the data set itself, of its own class, so it also stands inside CBGSDataset and RepeatDataset;
    :func:`cut_to_sequences` puts it there. sequences: names, or a JSON file with a list of them. ValueError where the
    data set lacks one of them.
    """

    def __new__(cls, dataset: Mapping[str, Any], sequences: Sequence[str] | str) -> BaseDataset:
        built = DATASETS.build(dataset)
        if not isinstance(built, BaseDataset):
            raise InputTypeError(
                f'SequenceShare cuts a data set with an info file, got {type(built).__name__}; put it around the '
                'innermost'
            )
        built.full_init()
        wanted, names = read_sequences(sequences), _sequences_in(built)
        if missing := sorted(set(wanted) - set(names)):
            raise InputError(
                f'{built.ann_file}: has no sequence {", ".join(missing)}; wanted some of {len(set(names))}, as '
                f'{", ".join(sorted(set(names))[:4])}. Draw the list again from this info file.'
            )
        built.get_subset_([index for index, name in enumerate(names) if name in wanted])
        return built


def read_sequences(sequences: Sequence[str] | str) -> set[str]:
    """The names given, or listed in a JSON file. FileNotFoundError, ValueError where it holds no such list."""
    if not isinstance(sequences, str):
        return set(sequences)
    if not os.path.isfile(sequences):
        raise MissingFileError(
            f'{sequences}: no such list of sequences; tools/run_protocol.py label_efficiency writes it'
        )
    found = json.loads(Path(sequences).read_text())
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found) or not found:
        raise InputError(f'{sequences}: wanted a JSON list of names of sequences, got {str(found)[:80]}')
    return set(found)


def leaf(dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    """The innermost data set of a config: inside CBGSDataset, RepeatDataset and the like."""
    return leaf(dataset['dataset']) if 'dataset' in dataset else dataset


def all_labels(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """An innermost data set without its own ``labelled_scenes`` and ``load_interval``: a share is one of all labels."""
    return {**dataset, **{key: every for key, every in _EVERY_LABEL.items() if key in dataset}}


def cut_to_sequences(dataset: Mapping[str, Any], sequences: Sequence[str] | str) -> dict[str, Any]:
    """A data set's config with the innermost data set cut to some sequences.

    Its own few labels (:func:`all_labels`) are dropped: the list takes their place.
    """
    if 'dataset' in dataset:
        return {**dataset, 'dataset': cut_to_sequences(dataset['dataset'], sequences)}
    return dict(type='SequenceShare', dataset=all_labels(dataset), sequences=sequences)
