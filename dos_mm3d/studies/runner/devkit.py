"""What the official nuScenes devkit left in the folder of a test run."""

from pathlib import Path
from typing import Any

from ...files import nan_to_none, read_json

RESULTS = Path('pred_instances_3d') / 'results_nusc.json'
SUMMARY = Path('pred_instances_3d') / 'metrics_summary.json'


def read_devkit_summary(folder: Path) -> dict[str, Any]:
    """mAP, NDS, AP per class (mean over the four distances) and true-positive errors of one test run.

    folder: what the evaluator's `jsonfile_prefix` named. FileNotFoundError where the devkit wrote nothing there.
    """
    summary = read_json(folder / SUMMARY)
    return {
        'mAP': float(summary['mean_ap']),
        'NDS': float(summary['nd_score']),
        'AP': {name: float(ap) for name, ap in summary['mean_dist_aps'].items()},
        'errors': nan_to_none(summary['tp_errors']),
    }
