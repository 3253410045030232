"""Whether a folder is a nuScenes data set that mmdet3d's converter can read."""

import json
from pathlib import Path

from ...errors import InputError, MissingFileError

NEEDED_TABLES = ('scene', 'sample', 'sample_data', 'sample_annotation', 'calibrated_sensor', 'ego_pose', 'map')
SPLITS = {'v1.0-trainval': ('train', 'val'), 'v1.0-mini': ('train', 'val'), 'v1.0-test': ('test',)}


def check_nuscenes(root: Path, version: str) -> None:
    """Raise, naming the file, where `root` is not a nuScenes data set that the converter can read."""
    if version not in SPLITS:
        raise InputError(f'version must be one of {sorted(SPLITS)}, got {version!r}')
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
