"""Samples that trained models were scored on, with the truth and what each predicts, as a page for the report."""

from collections.abc import Mapping
from pathlib import Path

from mmdet3d.registry import DATASETS
from mmengine.config import Config
from mmengine.registry import init_default_scope

from ...spread import evenly_spread
from ...visualization.viewer import viewer_page
from ..seeing.detections import detect, viewed_detections
from ..seeing.predictions import predict
from ..seeing.segmentations import viewed_segmentations
from .training_config import last_checkpoint

SAMPLES = 2
LOADER = 'test_dataloader'
CAPTIONS = {
    'segmentation': 'Colour them by their true classes or by what a model predicts; click on a point for both.',
    'detection': 'True and predicted boxes; choose a model on either side, and the least score that is shown.',
}


def trained_page(task: str, folders: Mapping[str, Path]) -> tuple[str, str] | None:
    """The page and what it shows in words; None where no checkpoint is left.

    Args:
        task: 'segmentation' or 'detection'.
        folders: name of a model for the reader -> the folder of its cell. All have the same data and network.
    """
    configs = {name: Config.fromfile(folder / 'config.py') for name, folder in folders.items()}
    found = {name: last_checkpoint(configs[name], folders[name] / 'run') for name in folders}
    if not (kept := {name: path for name, path in found.items() if path.is_file()}):
        return None
    cfg = configs[next(iter(kept))]
    init_default_scope('mmdet3d')
    numbers = evenly_spread(range(len(DATASETS.build(cfg[LOADER].dataset))), SAMPLES)
    if task == 'detection':
        viewed = viewed_detections(list(detect(cfg, LOADER, kept, numbers)))
    else:
        viewed = viewed_segmentations(list(predict(cfg, LOADER, kept, numbers)))
    return viewer_page(*viewed), CAPTIONS[task]
