"""mmdet3d's segmentation metric with a mean over each group of classes: ScanNet200's head, common and tail."""

import numpy as np
from mmdet3d.evaluation.metrics import SegMetric
from mmdet3d.registry import METRICS
from mmengine.logging import print_log

from ..errors import InputError


@METRICS.register_module()
class GroupedSegMetric(SegMetric):
    """SegMetric, and ``miou_<group>`` for every group that ``metainfo['groups']`` of the data set names.

    A class without a point in the ground truth and in the predictions has no IoU and is left out of the means, as in
    ``miou``; a group of none but such classes is nan. ValueError where the data set has no groups."""

    def compute_metrics(self, results: list) -> dict[str, float]:
        """What SegMetric computes, 0 to 1, and the groups' means."""
        groups = self.dataset_meta.get('groups')
        if groups is None or len(groups) != len(self.dataset_meta['classes']):
            raise InputError(
                f'GroupedSegMetric got {"no" if groups is None else len(groups)} groups for '
                f"{len(self.dataset_meta['classes'])} classes; wanted metainfo['groups'], one name for each class, as "
                "ScanNet200Seg has. Use dict(type='SegMetric') for other data sets."
            )
        metrics = super().compute_metrics(results)
        if metrics is None:  # a submission was written instead
            return None
        iou = np.array([metrics[name] for name in self.dataset_meta['classes']])
        means = group_means(iou, list(groups))
        print_log(', '.join(f'{name} {value:.4f}' for name, value in means.items()), logger='current')
        return {**metrics, **means}


def group_means(iou: np.ndarray, groups: list[str]) -> dict[str, float]:
    """`miou_<group>`: mean of the (C,) IoUs that are not nan, in the order in which groups first appear."""
    means = {}
    for group in dict.fromkeys(groups):
        of_group = iou[[name == group for name in groups]]
        known = of_group[~np.isnan(of_group)]
        means[f'miou_{group}'] = float(known.mean()) if len(known) else float('nan')
    return means
