"""Fine-tuning from scratch and from DOS weights: where the runs are, what they scored, if the pair was fair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from mmengine.config import Config

from ...datasets.nuscenes.classes import CLASSES
from ...files import read_json
from ..protocols.training_config import last_checkpoint
from ..runner.devkit import read_devkit_summary
from ..runner.start_record import check_fair
from ..runner.statistics import means
from .choices import Choice

STARTS = ('scratch', 'dos')


def read_segmentation(folder: Path) -> dict[str, Any]:
    """mIoU and IoU per class (None where the class is absent), fractions, of one run of tools/test.py --metrics."""
    metrics = read_json(folder / 'metrics.json')
    return {'mIoU': float(metrics['miou']), 'IoU': {name: metrics[name] for name in CLASSES}}


def read_detection(folder: Path) -> dict[str, Any]:
    """What the official devkit wrote for one run."""
    return read_devkit_summary(folder / 'test')


@dataclass(frozen=True)
class Task:
    """How fine-tuned models are scored.

    Args:
        scorer: for the reader.
        keys: the numbers in front.
        per_class: the table of classes.
        read: folder of a run -> all of them, as fractions.
    """

    scorer: str
    keys: tuple[str, ...]
    per_class: str
    read: Callable[[Path], dict[str, Any]]


TASKS = {
    'detection': Task('official nuScenes devkit', ('mAP', 'NDS'), 'AP', read_detection),
    'segmentation': Task("mmdet3d's SegMetric", ('mIoU',), 'IoU', read_segmentation),
}


@dataclass(frozen=True)
class RunFolders:
    """Where the cells of a quickstart leave their results, and what they are about.

    Args:
        root: of all.
        choice: what is pretrained and fine-tuned; its task is one of :data:`TASKS`.
        pretrain_config: with the values that the quickstart overrides.
        seeds: of the fine-tuning runs.
    """

    root: Path
    choice: Choice
    pretrain_config: Config
    seeds: Sequence[int]

    @property
    def pretrain(self) -> Path:
        return self.root / 'pretrain'

    @property
    def checkpoint(self) -> Path:
        return last_checkpoint(self.pretrain_config, self.pretrain)

    @property
    def exported(self) -> Path:
        return self.root / 'export' / 'dos_backbone.pth'

    @property
    def probe(self) -> Path:
        return self.root / 'probe' / 'probe.json'

    def finetuned(self, start: str, seed: int) -> Path:
        return self.root / f'{self.choice.task}_{start}' / f'seed{seed}'


def collect_finetuned(folders: RunFolders) -> dict[str, Any]:
    """{'scratch', 'dos': the task's numbers (means over the seeds), 'seeds': paired results and differences}.

    ValueError where two runs were no fair pair.
    """
    task = TASKS[folders.choice.task]
    runs = {(start, seed): task.read(folders.finetuned(start, seed)) for start in STARTS for seed in folders.seeds}
    found: dict[str, Any] = {start: _mean_run(task, [runs[start, seed] for seed in folders.seeds]) for start in STARTS}
    found['seeds'] = [
        {
            'seed': seed,
            **{start: {key: runs[start, seed][key] for key in task.keys} for start in STARTS},
            **{f'{key}_difference': runs['dos', seed][key] - runs['scratch', seed][key] for key in task.keys},
            **check_fair(folders.finetuned('scratch', seed), folders.finetuned('dos', seed)),
        }
        for seed in folders.seeds
    ]
    found['model'] = folders.choice.model
    found['note'] = (
        'one seed' if len(folders.seeds) == 1 else f'means and paired differences of {len(folders.seeds)} seeds'
    )
    return found


def _mean_run(task: Task, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    mean = {key: fmean(run[key] for run in runs) for key in task.keys}
    mean[task.per_class] = means([run[task.per_class] for run in runs])
    return mean | ({'errors': [run['errors'] for run in runs]} if 'errors' in runs[0] else {})
