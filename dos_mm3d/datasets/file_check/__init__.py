"""Whether a data set's files are what its config and info file say, before a run begins.

What is wrong is named, with the remedy. That all files are there is looked up for every frame, one listing of a folder
for all that lie in it; sizes and labels of a sample of frames are read, so that it takes seconds for 28 000.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from mmdet3d.registry import DATASETS

from ...spread import evenly_spread
from ..info_pickle import load_info_pickle
from .checked_set import CheckedSet, data_prefixes, data_set_name, known_labels, what_is_read
from .files import all_files, check_counts, check_labels, check_presence
from .infos import check_extras, check_indices, check_infos, check_keys, check_sweeps
from .objects import check_objects

SAMPLED_SIZES, SAMPLED_LABELS = 64, 8


def data_sets_in(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The config of a data set and of all that it wraps (`dataset`, `datasets`, JointSweeps' `members` in `use`)."""
    yield dataset
    members = dataset.get('members') or {}
    joint = [members[name]['dataset'] for name in dataset.get('use') or members if name in members]
    for inner in [dataset.get('dataset'), *(dataset.get('datasets') or ()), *joint]:
        if inner is not None:
            yield from data_sets_in(inner)


def check_files(dataset: Mapping[str, Any]) -> None:
    """FileNotFoundError or ValueError, naming the file and the remedy, for a data set's config that has an info file.

    Data sets without one (folders of sweeps) look for their files themselves; those on another machine, and those of
    which tools/create_data.py knows nothing, are left out."""
    cls = DATASETS.get(dataset['type'])
    name = None if cls is None else data_set_name(cls)
    root = dataset.get('data_root') or ''
    if not dataset.get('ann_file') or name is None or '://' in root:
        return
    info_file = os.path.join(root, dataset['ann_file'])
    checked = CheckedSet(name, root, info_file, data_prefixes(cls, dataset), **what_is_read(dataset))
    infos = load_info_pickle(info_file, data_set=name)
    check_infos(checked, infos, dataset['type'])
    check_indices(checked, dataset.get('indices'), len(infos['data_list']))
    check_objects(cls, dataset, checked, infos)
    check_sweeps(checked, infos)
    check_keys(checked, dataset, infos['data_list'])
    if dataset.get('on_bad_file', 'error') != 'error':
        return  # it is told to go on without what is missing or broken
    check_extras(checked, dataset)
    entries = infos['data_list']
    check_presence(checked, all_files(checked, entries))
    for info in evenly_spread(entries, SAMPLED_SIZES):
        check_counts(checked, info)
    labelled = [info for info in entries if 'pts_semantic_mask_path' in info] if checked.label_type is not None else []
    for info in evenly_spread(labelled, SAMPLED_SIZES):
        check_counts(checked, info)
    known = known_labels(cls, dataset, infos)
    for info in evenly_spread(labelled, SAMPLED_LABELS) if known is not None else ():
        check_labels(checked, info, known)
