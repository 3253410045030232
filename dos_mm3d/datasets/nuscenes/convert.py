"""nuScenes on disk -> what mmdet3d trains on: infos, sweeps, box database, per-point labels. mmdet3d's own converter
does it."""

import json
import os
import pickle
import shutil
from pathlib import Path

from mmengine.registry import DefaultScope

from ...errors import InputError, MissingFileError
from ...files import sealed, write_bytes, write_pickle
from ..mmdet3d_converter import mmdet3d_converter

NEEDED_TABLES = ('scene', 'sample', 'sample_data', 'sample_annotation', 'calibrated_sensor', 'ego_pose', 'map')
VERSIONS = ('v1.0-mini', 'v1.0-test', 'v1.0-trainval')


def prepare_nuscenes(
    root: str | Path,
    version: str = 'v1.0-trainval',
    *,
    out_dir: str | Path | None = None,
    extra_tag: str = 'nuscenes',
    max_sweeps: int = 10,
) -> Path:
    """Run mmdet3d's `nuscenes_data_prep` on `root` and give the folder that then holds the results.

    Writes `<tag>_infos_{train,val}.pkl`, `<tag>_dbinfos_train.pkl` and `<tag>_gt_database/` into out_dir (default:
    root). The infos carry `pts_semantic_mask_path` where the data set has lidarseg labels. The converter works under
    the name `<tag>.partial`; its results get their names when all are complete, so a killed run leaves none that
    looks whole. Raises FileNotFoundError for a folder that is no nuScenes, ValueError for another version or a
    negative max_sweeps."""
    root = Path(root)
    out = root if out_dir is None else Path(out_dir)
    _check_nuscenes(root, version)
    if max_sweeps < 0:
        raise InputError(f'max_sweeps must be 0 or more, got {max_sweeps}')
    partial = f'{extra_tag}.partial'
    _remove(root, partial)
    with mmdet3d_converter(root) as converter, DefaultScope.overwrite_default_scope('mmdet3d'):
        converter.nuscenes_data_prep(
            root_path=str(root),
            info_prefix=partial,
            version=version,
            dataset_name='NuScenesDataset',
            out_dir=str(root),
            max_sweeps=max_sweeps,
        )
    out.mkdir(parents=True, exist_ok=True)
    _remove(out, extra_tag)
    _publish(root, out, partial, extra_tag)
    return out


def _check_nuscenes(root: Path, version: str) -> None:
    """Raise, naming the file, where `root` is not a nuScenes data set that the converter can read."""
    if version not in VERSIONS:
        raise InputError(f'version must be one of {list(VERSIONS)}, got {version!r}')
    if not root.is_dir():
        raise MissingFileError(f'{root}: no such folder; write the embedded data set with tools/create_synthetic.py')
    tables = root / version
    missing = [str(tables / f'{name}.json') for name in NEEDED_TABLES if not (tables / f'{name}.json').is_file()]
    if missing:
        raise MissingFileError(
            f'{root} is not a nuScenes {version}: missing {", ".join(missing)}. Give the folder that holds {version}/.'
        )
    records = json.loads((tables / 'sample_data.json').read_text())
    lidar = [record['filename'] for record in records if record['is_key_frame'] and 'LIDAR_TOP' in record['filename']]
    absent = [name for name in lidar if not (root / name).is_file()]
    if not lidar or absent:
        raise MissingFileError(
            f'{root}: {len(absent)} of {len(lidar)} LIDAR_TOP key frames are missing'
            + (f', the first is {root / absent[0]}' if absent else '')
            + '. Unpack the blobs, or keep only the scenes that are there.'
        )


def _results(folder: Path, tag: str) -> list[Path]:
    """What the converter writes under a name, of whatever splits there are; the training infos come last."""
    infos = [folder / f'{tag}_infos_{split}.pkl' for split in ('test', 'val', 'train')]
    return [folder / f'{tag}_gt_database', folder / f'{tag}_dbinfos_train.pkl', *infos]


def _remove(folder: Path, tag: str) -> None:
    """Delete results of an earlier run of the same name."""
    for path in _results(folder, tag):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _publish(root: Path, out: Path, partial: str, tag: str) -> None:
    """Move the results from their working names to their own, in which the entries of the box database lie then."""
    boxes = root / f'{partial}_dbinfos_train.pkl'
    if boxes.exists():
        entries = pickle.loads(boxes.read_bytes())  # written by this process just before
        for entry in (entry for group in entries.values() for entry in group):
            entry['path'] = os.path.join(f'{tag}_gt_database', os.path.basename(entry['path']))
        write_pickle(boxes, entries)
    for result, named in zip(_results(root, partial), _results(out, tag), strict=True):
        if result.is_file() and result != boxes:
            write_bytes(result, sealed(result.read_bytes()))
        if result.exists():
            shutil.move(result, named)
