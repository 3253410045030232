"""A cell of the protocols that train: the commands that train and test one downstream model, and what they left."""

from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from ...errors import InputError
from ...files import read_json
from ...metrics.confusion import iou_percent, miou_percent, read_confusion
from ..project import tool_command
from ..runner.scalars import SUMMARY, read_devkit_summary, read_validations, training_summary
from ..runner.start_record import FILE as START_FILE
from .training_config import last_checkpoint

ONE_MACHINE = ('--nnodes=1', '--rdzv-backend=c10d', '--rdzv-endpoint=127.0.0.1:0', '--local-addr=127.0.0.1')
IN_RANKS = ('--launcher', 'pytorch')
"""A process for each GPU, as tools/dist_train.sh begins them."""
WAYMO_CLASSES = ('vehicle', 'pedestrian', 'cyclist')
WAYMO = {f'L{level} {name}': f'Waymo/LEVEL_{level}/m{name}' for level in (1, 2) for name in ('AP', 'APH')}
KITTI_CLASSES = ('Car', 'Pedestrian', 'Cyclist')
KITTI = 'Kitti metric/pred_instances_3d/KITTI/'
NUSCENES = 'NuScenes metric/pred_instances_3d_NuScenes/'


def cell_commands(config: Mapping[str, Any], folder: Path, *, task: str, processes: int) -> list[list[str]]:
    """Train, going on where it was interrupted; test what that leaves."""
    folder = folder.resolve()
    path, run = folder / 'config.py', folder / 'run'
    test = tool_command('test', path, last_checkpoint(config, run))
    test += ['--work-dir', str(folder / 'test_log'), '--metrics', str(folder / 'metrics.json')]
    if task == 'segmentation':
        test += ['--confusion', str(folder / 'confusion.json')]
    return [train_command(folder, processes), test]


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
    values = {'miou': miou_percent(confusion)}
    return collected(folder, values, per_class, segmentation_values, confusion=confusion.tolist())


def segmentation_values(metrics: Mapping[str, float]) -> dict[str, float]:
    """Of mmdet3d's own metric, for the learning curve."""
    return {'miou': 100 * metrics['miou']}


def collect_detection(folder: Path) -> dict[str, Any]:
    """mAP, NDS and AP per class in percent, and the true-positive errors, by the devkit; of KITTI and Waymo what their
    metrics say."""
    if not (folder / 'test' / SUMMARY).is_file():
        is_kitti = any(name.startswith(KITTI) for name in read_json(folder / 'metrics.json'))
        return (collect_kitti if is_kitti else collect_waymo)(folder)
    summary = read_devkit_summary(folder / 'test')
    values = {key: 100 * summary[key] for key in ('mAP', 'NDS')}
    per_class = {name: 100 * ap for name, ap in summary['AP'].items()}
    return collected(folder, values, per_class, nuscenes_values, errors=summary['errors'])


def nuscenes_values(metrics: Mapping[str, float]) -> dict[str, float]:
    """The devkit's two numbers in percent."""
    return {key: 100 * metrics[NUSCENES + key] for key in ('mAP', 'NDS')}


def collect_waymo(folder: Path) -> dict[str, Any]:
    """AP and APH at both levels, means over the classes, and LEVEL_1 AP per class, in percent; every breakdown is among
    `metrics`. ValueError for a metric that is neither nuScenes' nor Waymo's."""
    metrics = read_json(folder / 'metrics.json')
    if missing := [key for key in WAYMO.values() if key not in metrics]:
        raise InputError(f"{folder / 'metrics.json'}: has neither nuScenes' nor KITTI's numbers nor {missing[0]}")
    classes = {name: f'Waymo/OBJECT_TYPE_TYPE_{name.upper()}_LEVEL_1/AP' for name in WAYMO_CLASSES}
    per_class = {name: 100 * metrics[key] for name, key in classes.items() if key in metrics}
    return collected(folder, waymo_values(metrics), per_class, waymo_values)


def waymo_values(metrics: Mapping[str, float]) -> dict[str, float]:
    """AP and APH at both levels in percent."""
    return {title: 100 * metrics[key] for title, key in WAYMO.items()}


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
    return collected(folder, kitti_values(metrics), per_class, kitti_values)


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


def collected(
    folder: Path,
    values: Mapping[str, float],
    per_class: Mapping[str, float],
    values_of: Callable[[Mapping[str, float]], dict[str, float]],
    **more: Any,
) -> dict[str, Any]:
    """What all cells give: numbers of the table, classes, and how the training went.

    values_of: the same numbers of what an evaluator returned while it trained.  more: of this task.
    """
    scored = read_validations(folder / 'run').items() if list((folder / 'run').glob('*/vis_data')) else ()
    return {
        'values': values,
        'per_class': per_class,
        **more,
        'curve': {step: values_of(metrics) for step, metrics in scored},
        'said': ', '.join(f'{name} {value:.1f}' for name, value in values.items()),
        'metrics': read_json(folder / 'metrics.json'),
        'start': read_json(folder / 'run' / START_FILE),
        'training': training_summary(folder / 'run'),
    }


COLLECT: dict[str, Callable[[Path], dict[str, Any]]] = {
    'segmentation': collect_segmentation,
    'detection': collect_detection,
}
