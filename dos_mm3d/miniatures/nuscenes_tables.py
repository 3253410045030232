"""The records of the nuScenes v1.0 tables for one scene, and the tables that all scenes share. No files are written
here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .naming import SceneName, is_key_frame, key_frames, token
from .taxonomy import ATTRIBUTES, CATEGORY_OF, LIDARSEG_CATEGORIES, VISIBILITIES, attribute_of
from .world import SWEEP_PERIOD_S, Pose, Scene, rotation

IMAGE_SIZE = (1600, 900)
CAMERA_YAW_DEG = {
    'CAM_FRONT': 0.0,
    'CAM_FRONT_RIGHT': -55.0,
    'CAM_BACK_RIGHT': -110.0,
    'CAM_BACK': 180.0,
    'CAM_BACK_LEFT': 110.0,
    'CAM_FRONT_LEFT': 55.0,
}
TABLES = (
    'category', 'attribute', 'visibility', 'instance', 'sensor', 'calibrated_sensor', 'ego_pose', 'log', 'scene',
    'sample', 'sample_data', 'sample_annotation', 'map', 'lidarseg',
)  # fmt: skip

Records = dict[str, list[dict]]


def quaternion(turn: np.ndarray) -> list[float]:
    """w, x, y, z of a (3, 3) rotation, w >= 0, from the eigenvector of its symmetric 4 x 4 form (Bar-Itzhack 2000)."""
    m = turn
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], m[1, 0] + m[0, 1], m[2, 0] + m[0, 2], m[2, 1] - m[1, 2]],
            [m[1, 0] + m[0, 1], m[1, 1] - m[0, 0] - m[2, 2], m[2, 1] + m[1, 2], m[0, 2] - m[2, 0]],
            [m[2, 0] + m[0, 2], m[2, 1] + m[1, 2], m[2, 2] - m[0, 0] - m[1, 1], m[1, 0] - m[0, 1]],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
        ]
    )
    x, y, z, w = np.linalg.eigh(k)[1][:, -1]
    sign = 1.0 if w >= 0.0 else -1.0
    return [float(sign * part) for part in (w, x, y, z)]


@dataclass(frozen=True)
class Observation:
    """What one key frame saw of the actors: boxes (A, 7) in the scene frame, points (A,) inside them, visible share
    (A,)."""

    boxes: np.ndarray
    n_points: np.ndarray
    visible: np.ndarray


def shared_tables(seed: int, log_tokens: list[str]) -> Records:
    """Category, attribute, visibility, sensor and map: the same for every scene."""
    channels = ['LIDAR_TOP', *CAMERA_YAW_DEG]
    return {
        'category': [
            {'token': token(seed, 'category', name), 'name': name, 'description': '', 'index': index}
            for index, name in enumerate(LIDARSEG_CATEGORIES)
        ],
        'attribute': [{'token': token(seed, 'attribute', n), 'name': n, 'description': ''} for n in ATTRIBUTES],
        'visibility': [{'token': key, 'level': level, 'description': ''} for key, level in VISIBILITIES],
        'sensor': [
            {
                'token': token(seed, 'sensor', channel),
                'channel': channel,
                'modality': 'lidar' if channel == 'LIDAR_TOP' else 'camera',
            }
            for channel in channels
        ],
        'map': [
            {
                'token': token(seed, 'map'),
                'log_tokens': log_tokens,
                'category': 'semantic_prior',
                'filename': f'maps/{token(seed, "map")}.png',
            }
        ],
    }


def scene_tables(scene: Scene, who: SceneName, sweeps: range, observations: list[Observation]) -> Records:
    """All records of one scene. sweeps: numbers of those that are there.  observations: one entry for each key frame
    among them, in order."""
    keys = key_frames(sweeps)
    records: Records = {name: [] for name in TABLES}
    records['log'].append(
        {
            'token': who.token('log'),
            'logfile': who.name,
            'vehicle': 'synthetic',
            'date_captured': '2018-06-26',
            'location': 'boston-seaport',
        }
    )
    records['scene'].append(
        {
            'token': who.token('scene'),
            'log_token': who.token('log'),
            'nbr_samples': len(keys),
            'first_sample_token': who.token('sample', keys[0]),
            'last_sample_token': who.token('sample', keys[-1]),
            'name': who.name,
            'description': 'procedural',
        }
    )
    for position, sweep in enumerate(keys):
        records['sample'].append(
            {
                'token': who.token('sample', sweep),
                'timestamp': who.timestamp_us(sweep),
                'prev': _neighbour(who, 'sample', keys, position - 1),
                'next': _neighbour(who, 'sample', keys, position + 1),
                'scene_token': who.token('scene'),
            }
        )
    _sensors(records, scene, who)
    _lidar(records, scene, who, sweeps, keys)
    _cameras(records, scene, who, keys)
    _annotations(records, scene, who, keys, observations)
    return records


def _neighbour(who: SceneName, kind: str, keys: Sequence[int], position: int) -> str:
    """Token of the record at a position of the chain, empty beyond its ends."""
    return who.token(kind, keys[position]) if 0 <= position < len(keys) else ''


def _sensors(records: Records, scene: Scene, who: SceneName) -> None:
    """Calibration of the LiDAR and of six pinhole cameras 1.5 m above the ground."""
    focal = 1260.0
    intrinsic = [[focal, 0.0, IMAGE_SIZE[0] / 2], [0.0, focal, IMAGE_SIZE[1] / 2], [0.0, 0.0, 1.0]]
    optical = np.array(
        [[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]
    )  # x right, y down, z ahead -> x ahead, y left
    poses = {'LIDAR_TOP': (scene.lidar, [])}
    for channel, yaw in CAMERA_YAW_DEG.items():
        around = rotation(np.radians(yaw))
        poses[channel] = (Pose(around @ optical, np.array([0.95, 0.0, 1.5]) + around @ [0.6, 0.0, 0.0]), intrinsic)
    for channel, (pose, matrix) in poses.items():
        records['calibrated_sensor'].append(
            {
                'token': who.token('calibrated_sensor', channel),
                'sensor_token': token(who.seed, 'sensor', channel),
                'translation': pose.origin.tolist(),
                'rotation': quaternion(pose.turn),
                'camera_intrinsic': matrix,
            }
        )


def _ego(records: Records, scene: Scene, who: SceneName, key: str, sweep: int) -> None:
    pose = scene.ego_pose(sweep * SWEEP_PERIOD_S)
    records['ego_pose'].append(
        {
            'token': key,
            'timestamp': who.timestamp_us(sweep),
            'rotation': quaternion(pose.turn),
            'translation': (pose.origin + scene.offset_m).tolist(),
        }
    )


def _data_record(who: SceneName, channel: str, sweep: int, sample: int) -> dict:
    """The fields of sample_data that LiDAR and camera records share; token and pose token are one, as in nuScenes."""
    key = who.token(channel, sweep)
    return {
        'token': key,
        'sample_token': who.token('sample', sample),
        'ego_pose_token': key,
        'calibrated_sensor_token': who.token('calibrated_sensor', channel),
        'timestamp': who.timestamp_us(sweep),
        'is_key_frame': is_key_frame(sweep),
    }


def _lidar(records: Records, scene: Scene, who: SceneName, sweeps: range, keys: list[int]) -> None:
    for position, sweep in enumerate(sweeps):
        sample = next((key for key in keys if key >= sweep), keys[-1])
        record = _data_record(who, 'LIDAR_TOP', sweep, sample) | {
            'fileformat': 'pcd',
            'height': 0,
            'width': 0,
            'filename': who.lidar_file(sweep),
            'prev': _neighbour(who, 'LIDAR_TOP', sweeps, position - 1),
            'next': _neighbour(who, 'LIDAR_TOP', sweeps, position + 1),
        }
        records['sample_data'].append(record)
        _ego(records, scene, who, record['token'], sweep)
        if is_key_frame(sweep):
            labels = {
                'token': record['token'],
                'sample_data_token': record['token'],
                'filename': who.lidarseg_file(sweep),
            }
            records['lidarseg'].append(labels)


def _cameras(records: Records, scene: Scene, who: SceneName, keys: list[int]) -> None:
    for channel in CAMERA_YAW_DEG:
        for position, sweep in enumerate(keys):
            record = _data_record(who, channel, sweep, sweep) | {
                'fileformat': 'jpg',
                'height': IMAGE_SIZE[1],
                'width': IMAGE_SIZE[0],
                'filename': who.camera_file(channel, sweep),
                'prev': _neighbour(who, channel, keys, position - 1),
                'next': _neighbour(who, channel, keys, position + 1),
            }
            records['sample_data'].append(record)
            _ego(records, scene, who, record['token'], sweep)


def _annotations(
    records: Records, scene: Scene, who: SceneName, keys: list[int], observations: list[Observation]
) -> None:
    """An object is annotated from the first to the last key frame in which a point hit it, in between even when
    hidden."""
    for number, actor in enumerate(scene.actors):
        seen = [position for position, seen_by in enumerate(observations) if seen_by.n_points[number] > 0]
        if not seen:
            continue
        span = list(range(seen[0], seen[-1] + 1))
        instance = who.token('instance', number)
        chain = [keys[position] for position in span]
        names = [who.token('annotation', number, key) for key in chain]
        attribute = attribute_of(actor.kind, actor.speed_mps, actor.with_rider, actor.parked)
        records['instance'].append(
            {
                'token': instance,
                'category_token': token(who.seed, 'category', CATEGORY_OF[actor.kind]),
                'nbr_annotations': len(span),
                'first_annotation_token': names[0],
                'last_annotation_token': names[-1],
            }
        )
        for k, position in enumerate(span):
            observed = observations[position]
            box = observed.boxes[number]
            records['sample_annotation'].append(
                {
                    'token': names[k],
                    'sample_token': who.token('sample', chain[k]),
                    'instance_token': instance,
                    'visibility_token': visibility_token(float(observed.visible[number])),
                    'attribute_tokens': [] if attribute is None else [token(who.seed, 'attribute', attribute)],
                    'translation': (box[:3] + scene.offset_m).tolist(),
                    'size': [float(box[4]), float(box[3]), float(box[5])],
                    'rotation': quaternion(rotation(box[6])),
                    'prev': names[k - 1] if k > 0 else '',
                    'next': names[k + 1] if k + 1 < len(span) else '',
                    'num_lidar_pts': int(observed.n_points[number]),
                    'num_radar_pts': 0,
                }
            )


def visibility_token(share: float) -> str:
    """'1' to '4' for a visible share in 0-40, 40-60, 60-80, 80-100 %."""
    return str(1 + sum(share > limit for limit in (0.4, 0.6, 0.8)))
