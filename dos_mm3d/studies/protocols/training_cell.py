"""A cell of the protocols that train: the commands that train and test one downstream model, and what they left."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from ...errors import InputError
from ...files import read_json
from ...metrics.confusion import iou_percent, miou_percent, read_confusion
from ..project import tool_command
from ..runner.scalars import SUMMARY, read_devkit_summary, training_summary
from ..runner.start_record import FILE as START_FILE
from .training_config import checkpoint_at, last_checkpoint

ONE_MACHINE = ('--nnodes=1', '--rdzv-backend=c10d', '--rdzv-endpoint=127.0.0.1:0', '--local-addr=127.0.0.1')
IN_RANKS = ('--launcher', 'pytorch')
"""A process for each GPU, as tools/dist_train.sh begins them."""
WAYMO_CLASSES = ('vehicle', 'pedestrian', 'cyclist')
KITTI_CLASSES = ('Car', 'Pedestrian', 'Cyclist')
KITTI = 'Kitti metric/pred_instances_3d/KITTI/'
NUSCENES = 'NuScenes metric/pred_instances_3d_NuScenes/'
WAYMO = {f'L{level} {name}': f'Waymo/LEVEL_{level}/m{name}' for level in (1, 2) for name in ('AP', 'APH')}


def cell_commands(
    config: Mapping[str, Any], folder: Path, *, task: str, processes: int, places: Sequence[int] = ()
) -> list[list[str]]:
    """Train, going on where it was interrupted; test what that leaves, last the end of it.

    places: epochs or steps of a learning curve, before the end.
    """
    folder = folder.resolve()
    kept = {curve_folder(folder, place): checkpoint_at(config, folder / 'run', place) for place in places}
    kept[folder] = last_checkpoint(config, folder / 'run')
    return [train_command(folder, processes), *(test_command(folder, *one, task) for one in kept.items())]


def curve_folder(folder: Path, place: int) -> Path:
    """Where a cell keeps what was tested after so many epochs or steps."""
    return folder / 'curve' / f'{place}'


def test_command(folder: Path, to: Path, checkpoint: Path, task: str) -> list[str]:
    """Test of a checkpoint with a cell's config, whose results go to another folder, or to its own."""
    test = tool_command('test', folder / 'config.py', checkpoint)
    test += ['--work-dir', str(to / 'test_log'), '--metrics', str(to / 'metrics.json')]
    return test + (['--confusion', str(to / 'confusion.json')] if task == 'segmentation' else [])


def train_command(folder: Path, processes: int = 1) -> list[str]:
    """Training of a cell's config, going on where it was interrupted."""
    train = tool_command('train', folder / 'config.py', '--work-dir', folder / 'run', '--resume')
    if processes == 1:
        return train
    python, *tool = train
    return [python, '-m', 'torch.distributed.run', *ONE_MACHINE, f'--nproc_per_node={processes}', *tool, *IN_RANKS]


def collect_segmentation(folder: Path) -> dict[str, Any]:
    """mIoU and IoU per class in percent, from the confusion matrix: the mean is over classes that have points."""
    classes, confusion = read_confusion(folder / 'confusion.json')
    per_class = dict(zip(classes, iou_percent(confusion).tolist()))
    return collected(folder, segmentation_values(folder), per_class, confusion=confusion.tolist())


def segmentation_values(folder: Path) -> dict[str, float]:
    """What the table has of a test."""
    return {'miou': miou_percent(read_confusion(folder / 'confusion.json')[1])}


def detection_values(folder: Path) -> dict[str, float]:
    """What the table has of a test, from what its metric said: nuScenes', KITTI's or Waymo's."""
    metrics = read_json(folder / 'metrics.json')
    if NUSCENES + 'mAP' in metrics:
        return {key: 100 * metrics[NUSCENES + key] for key in ('mAP', 'NDS')}
    return kitti_values(metrics) if kitti_classes(metrics) else waymo_values(metrics)


def collect_with_curve(folder: Path, *, task: str, places: Sequence[int], end: int) -> dict[str, Any]:
    """What a cell of a task gives, and its learning curve, whose last point is the table's number."""
    found = COLLECT[task](folder)
    curve = {str(place): VALUES[task](curve_folder(folder, place)) for place in places}
    return {**found, 'curve': {**curve, str(end): found['values']}}


def collect_detection(folder: Path) -> dict[str, Any]:
    """mAP, NDS and AP per class in percent, and the true-positive errors, by the devkit; of KITTI and Waymo what their
    metrics say."""
    if not (folder / 'test' / SUMMARY).is_file():
        is_kitti = any(name.startswith(KITTI) for name in read_json(folder / 'metrics.json'))
        return (collect_kitti if is_kitti else collect_waymo)(folder)
    summary = read_devkit_summary(folder / 'test')
    values = {key: 100 * summary[key] for key in ('mAP', 'NDS')}
    per_class = {name: 100 * ap for name, ap in summary['AP'].items()}
    return collected(folder, values, per_class, errors=summary['errors'])


def collect_waymo(folder: Path) -> dict[str, Any]:
    """AP and APH at both levels, means over the classes, and LEVEL_1 AP per class, in percent; every breakdown is among
    `metrics`. ValueError for a metric that is neither nuScenes' nor Waymo's."""
    metrics = read_json(folder / 'metrics.json')
    if missing := [key for key in WAYMO.values() if key not in metrics]:
        raise InputError(f"{folder / 'metrics.json'}: has neither nuScenes' nor KITTI's numbers nor {missing[0]}")
    classes = {name: f'Waymo/OBJECT_TYPE_TYPE_{name.upper()}_LEVEL_1/AP' for name in WAYMO_CLASSES}
    return collected(
        folder, waymo_values(metrics), {name: 100 * metrics[key] for name, key in classes.items() if key in metrics}
    )


def collect_kitti(folder: Path) -> dict[str, Any]:
    """3D and BEV AP at 40 recalls, moderate, at the official IoU and at the looser one: means over the classes that
    have labels to find, which no mean of mmdet3d's is; 3D AP per class. ValueError where no class has any."""
    metrics = read_json(folder / 'metrics.json')
    if not (classes := kitti_classes(metrics)):
        raise InputError(
            f'{folder / "metrics.json"}: none of the frames that were tested has a {", ".join(KITTI_CLASSES)} of '
            'moderate difficulty; wanted one at least. Score other frames (ImageSets/val.txt)'
        )
    per_class = {name: metrics[f'{KITTI}{name}_3D_AP40_moderate_strict'] for name in classes}
    return collected(folder, kitti_values(metrics), per_class)


def kitti_classes(metrics: Mapping[str, float]) -> list[str]:
    """Those of which there is something to find."""
    return [name for name in KITTI_CLASSES if metrics.get(f'{KITTI}{name}_boxes_moderate', 0) > 0]


def kitti_values(metrics: Mapping[str, float]) -> dict[str, float]:
    """Means over these classes."""
    classes = kitti_classes(metrics)
    return {
        f'{kind} {strictness}': fmean(metrics[f'{KITTI}{name}_{kind}_AP40_moderate_{strictness}'] for name in classes)
        for kind, strictness in product(('3D', 'BEV'), ('strict', 'loose'))
    }


def waymo_values(metrics: Mapping[str, float]) -> dict[str, float]:
    """AP and APH at both levels in percent."""
    return {title: 100 * metrics[key] for title, key in WAYMO.items()}


def collected(folder: Path, values: Mapping[str, float], per_class: Mapping[str, float], **more: Any) -> dict[str, Any]:
    """What all cells give: numbers of the table, classes, and how the training went. more: of this task."""
    return {
        'values': values,
        'per_class': per_class,
        **more,
        'said': ', '.join(f'{name} {value:.1f}' for name, value in values.items()),
        'metrics': read_json(folder / 'metrics.json'),
        'start': read_json(folder / 'run' / START_FILE),
        'training': training_summary(folder / 'run'),
    }


COLLECT: dict[str, Callable[[Path], dict[str, Any]]] = {
    'segmentation': collect_segmentation,
    'detection': collect_detection,
}
VALUES: dict[str, Callable[[Path], dict[str, float]]] = {
    'segmentation': segmentation_values,
    'detection': detection_values,
}
