"""What Waymo's training pipeline needs beside mmdet3d's transforms."""

from pathlib import Path

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...errors import InputError


@TRANSFORMS.register_module()
class DropNoLabelZone(BaseTransform):
    """Drop the points in no-label zones, whose objects nobody marked: they would be taught as background.

    mmdet3d's own converter leaves them out of the files. After LoadPointsFromFile, before anything that changes the
    number of points. ValueError where the infos name no mask or it does not fit the points."""

    def transform(self, results: dict) -> dict:
        """Cut results['points'] by the mask beside results['lidar_path']."""
        lidar_path = Path(results['lidar_points']['lidar_path'])
        if 'no_label_zone_path' not in results:
            raise InputError(
                f'{lidar_path}: its info entry has no no_label_zone_path; wanted infos with no-label zones: write them '
                'with tools/create_data.py waymo.'
            )
        mask_path = lidar_path.parent.parent / results['no_label_zone_path']
        mask = np.fromfile(mask_path, np.uint8)
        if len(mask) != len(results['points']):
            raise InputError(
                f'{mask_path}: found {len(mask)} entries, wanted {len(results["points"])}, one for each point of '
                f'{lidar_path}. The file is cut off, or the points were changed before DropNoLabelZone.'
            )
        results['points'] = results['points'][mask == 0]
        return results
