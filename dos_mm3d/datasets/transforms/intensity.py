"""The intensities of joint pretraining, in a detector's or segmentor's own pipeline."""

from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...errors import InputError
from ...functional.intensity import IntensityScale, check_intensity_scale, unit_intensity

INTENSITY_COLUMN = 3


@TRANSFORMS.register_module()
class UnitIntensity(BaseTransform):
    """results['points'] (mmdet3d's points, x, y, z, intensity, ...): the intensity brought to 0-1.

    For a model whose weights come from :class:`JointSweeps`. Stands after whatever loads or pastes points
    (LoadPointsFromMultiSweeps, ObjectSample).

    Args:
        intensity: that of the member of the same sensor, see :func:`unit_intensity`.
    """

    def __init__(self, intensity: IntensityScale) -> None:
        check_intensity_scale(intensity)
        self.intensity = intensity

    def transform(self, results: dict) -> dict:
        values = results['points'].tensor
        try:
            values[:, INTENSITY_COLUMN] = unit_intensity(values[:, INTENSITY_COLUMN], self.intensity)
        except InputError as error:
            raise InputError(f'{results.get("lidar_path", "points")}: {error}') from error
        return results
