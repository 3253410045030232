"""Waymo's detection metric as mmengine's evaluators call it: for tools/test.py, without TensorFlow or a binary."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmdet3d.registry import METRICS
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ...cpu.boxes import count_points_in_boxes
from ...datasets.info_pickle import load_info_pickle
from ...datasets.waymo.frame_record import POINT_COLUMNS, frame_path
from ...datasets.waymo.infos import LABEL_OF_TYPE, TYPE_OF_CLASS
from ...errors import InputError
from ...files import missing_files
from .breakdowns import LEVELS, RANGE_NAMES, TYPES
from .metrics import waymo_detection_metrics

REMEDY = 'Convert with our tools/create_data.py waymo, which writes both'
_TYPE_OF_LABEL = np.array(sorted(LABEL_OF_TYPE, key=LABEL_OF_TYPE.get))


@dataclass(frozen=True)
class LabelledFrame:
    """Ground truth of a frame, and its files.

    Args:
        row: in the infos.
        box: (N, 7) float32 x, y, z of the centre of gravity, length, width, height in metres, heading in radians.
        type: (N,) official numbers.
        difficulty: (N,) 1 or 2.
        points_path: of its points.
        no_label_zone_path: of the mask over them.
    """

    row: int
    box: np.ndarray
    type: np.ndarray
    difficulty: np.ndarray
    points_path: Path
    no_label_zone_path: Path


@METRICS.register_module()
class WaymoDetMetric(BaseMetric):
    """AP and APH at LEVEL_1 and LEVEL_2, by class and by range, of what a detector says about Waymo's frames.

    A prediction overlaps a no-label zone where a point of the zone is inside its box. InputError, naming the info file,
    where the infos have no difficulty or no no-label zones, or no boxes at all.

    Args:
        ann_file: the infos of the split that is tested, in the folder that holds training/.
        collect_device: of mmengine's BaseMetric.
        prefix: of the numbers' names, by default 'Waymo'.
    """

    default_prefix = 'Waymo'

    def __init__(self, ann_file: str, collect_device: str = 'cpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ann_file = Path(ann_file)
        self.frames = labelled_frames(self.ann_file)

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep every frame's predictions."""
        for sample in data_samples:
            # sample_idx is no help: mmengine's data sets replace it by the place in their list
            key, found = (sample['context_name'], sample['timestamp']), sample['pred_instances_3d']
            if key not in self.frames:
                raise InputError(
                    f'{self.ann_file}: segment {key[0]} at {key[1]} us, which was tested, is not in it. Let ann_file '
                    'of the evaluator be that of the test data set.'
                )
            frame = self.frames[key]
            boxes = found['bboxes_3d'].to('cpu')
            box = np.concatenate([boxes.gravity_center.numpy(), boxes.tensor[:, 3:7].numpy()], 1).astype(np.float32)
            types = np.array([TYPE_OF_CLASS[name] for name in self.dataset_meta['classes']])
            self.results.append(
                {
                    'frame': np.full(len(box), frame.row),
                    'box': box,
                    'type': types[found['labels_3d'].cpu().numpy()],
                    'score': found['scores_3d'].cpu().numpy().astype(np.float32),
                    'overlap_nlz': overlaps_zone(frame, box),
                    'tested': key,
                }
            )

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """'<official breakdown>/AP' and '.../APH', and 'LEVEL_1/mAP' ... over the classes that were looked for."""
        tested = sorted({result['tested'] for result in results})
        if len(tested) < len(self.frames):
            print_log(f'{self.ann_file}: {len(tested)} of its {len(self.frames)} frames were tested', logger='current')
        prediction = {
            name: np.concatenate([result[name] for result in results])
            for name in ('frame', 'box', 'type', 'score', 'overlap_nlz')
        }
        found = waymo_detection_metrics(prediction, ground_truth([self.frames[key] for key in tested]))
        kinds = [TYPES[TYPE_OF_CLASS[name] - 1] for name in self.dataset_meta['classes']]
        print_log('\n' + table(found, kinds), logger='current')
        return flat(found, kinds)


def labelled_frames(ann_file: Path) -> dict[tuple[str, int], LabelledFrame]:
    """(segment, microseconds) -> ground truth of every frame of an info file. ValueError where levels are unknown."""
    infos = load_info_pickle(ann_file, data_set='waymo')['data_list']
    _check_infos(ann_file, infos)
    frames = {
        (info['context_name'], info['timestamp']): _labelled_frame(ann_file.parent, row, info)
        for row, info in enumerate(infos)
    }
    _check_masks(ann_file, [frame.no_label_zone_path for frame in frames.values()])
    return frames


def _check_masks(ann_file: Path, paths: list[Path]) -> None:
    """ValueError for the first mask that is not there."""
    if missing := missing_files(paths):
        raise InputError(
            f'{missing[0]}: missing, the first of {len(missing)} of {len(paths)} that {ann_file} names. Without '
            f'no-label zones there is no LEVEL_1 / LEVEL_2. {REMEDY}.'
        )


def _check_infos(ann_file: Path, infos: list[dict]) -> None:
    if not infos or not all('instances' in info for info in infos):
        raise InputError(
            f'{ann_file}: found {len(infos)} frames, not all with instances; wanted labelled frames. The test split '
            'has no labels: take waymo_infos_val.pkl.'
        )
    lacking = {
        'difficulty of its instances': not all('difficulty' in box for info in infos for box in info['instances']),
        'no-label-zone masks (no_label_zone_path)': not all('no_label_zone_path' in info for info in infos),
    }
    if missing := [name for name, is_missing in lacking.items() if is_missing]:
        raise InputError(
            f"{ann_file}: lacks {' and '.join(missing)}, as the infos of mmdet3d's own converter do. Without them "
            f'LEVEL_1 / LEVEL_2 would be wrong, so they are not printed. {REMEDY}.'
        )


def _labelled_frame(root: Path, row: int, info: dict) -> LabelledFrame:
    boxes = np.array([box['bbox_3d'] for box in info['instances']], np.float32).reshape(-1, 7)
    boxes[:, 2] += boxes[:, 5] / 2  # from the centre of the bottom
    labels = np.array([box['bbox_label_3d'] for box in info['instances']], np.int64)
    points_path = frame_path(root, 'points', Path(info['lidar_points']['lidar_path']).stem)
    return LabelledFrame(
        row=row,
        box=boxes,
        type=_TYPE_OF_LABEL[labels],
        difficulty=np.array([box['difficulty'] for box in info['instances']], np.int64),
        points_path=points_path,
        no_label_zone_path=points_path.parent.parent / info['no_label_zone_path'],
    )


def ground_truth(frames: list[LabelledFrame]) -> dict[str, np.ndarray]:
    """The arrays that waymo_detection_metrics wants."""
    return {
        'frame': np.repeat([frame.row for frame in frames], [len(frame.box) for frame in frames]),
        **{name: np.concatenate([getattr(frame, name) for frame in frames]) for name in ('box', 'type', 'difficulty')},
    }


def overlaps_zone(frame: LabelledFrame, box: np.ndarray) -> np.ndarray:
    """(N,) whether a point of the no-label zone lies inside each box (N, 7)."""
    in_zone = np.fromfile(frame.no_label_zone_path, np.uint8) != 0
    if not in_zone.any() or not len(box):
        return np.zeros(len(box), bool)
    points = np.fromfile(frame.points_path, np.float32)
    if len(points) != len(in_zone) * POINT_COLUMNS:
        raise InputError(
            f'{frame.no_label_zone_path}: found {len(in_zone)} entries, but {frame.points_path} has '
            f'{len(points) // POINT_COLUMNS} points; wanted as many. One of them is cut off: convert the frame again.'
        )
    return count_points_in_boxes(points.reshape(-1, POINT_COLUMNS)[in_zone], box) > 0


def flat(found: dict[str, tuple[float, float]], kinds: list[str]) -> dict[str, float]:
    """One number per name, of the classes `kinds`, and their means."""
    numbers = {}
    for level in LEVELS:
        of_level = [found[f'OBJECT_TYPE_TYPE_{kind}_LEVEL_{level}'] for kind in kinds]
        for column, name in enumerate(('AP', 'APH')):
            numbers[f'LEVEL_{level}/m{name}'] = float(np.mean([pair[column] for pair in of_level]))
    for breakdown, pair in found.items():
        if any(f'TYPE_{kind}_' in breakdown for kind in kinds):
            numbers[f'{breakdown}/AP'], numbers[f'{breakdown}/APH'] = map(float, pair)
    return numbers


def table(found: dict[str, tuple[float, float]], kinds: list[str]) -> str:
    """A line for each class and each of its ranges, four numbers each."""
    lines = [f'{"":24}' + ''.join(f'{name:>10}' for name in ('AP/L1', 'APH/L1', 'AP/L2', 'APH/L2'))]
    for kind in kinds:
        rows = {kind: f'OBJECT_TYPE_TYPE_{kind}'} | {f'  {band} m': f'RANGE_TYPE_{kind}_{band}' for band in RANGE_NAMES}
        for title, name in rows.items():
            numbers = [number for level in LEVELS for number in found[f'{name}_LEVEL_{level}']]
            lines.append(f'{title:24}' + ''.join(f'{number:10.4f}' for number in numbers))
    return '\n'.join(lines)
