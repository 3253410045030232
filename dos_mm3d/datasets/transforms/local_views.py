"""Small extra crops for the student alone (DINO, Sonata; docs/method.md, A11): an option of the ablations."""

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from torch import Generator, Tensor

from ...errors import InputError
from ...structures import Grid, View
from ..stream import BadSampleError
from .masking import grid_of
from .settings import settings_of
from .views import Augmentation

MAX_ATTEMPTS = 16


@TRANSFORMS.register_module()
class LocalViews(BaseTransform):
    """Adds results['local']: ``num_local`` crops of the raw scan as :class:`View`, all of it visible.

    Stands between BlockMask and PackViews. The centre of a crop is a point that both views hold (of view a, where they
    share none), so that the teacher has seen what the student is asked about.

    Args:
        num_local: crops per scan.
        augmentation: settings of :class:`~.views.Augmentation`; ``crop_share`` is that of a local crop.
    """

    KEYWORDS_OF = Augmentation
    TAKES = GIVES = 'masked views'

    def __init__(self, num_local: int, **augmentation) -> None:
        if num_local < 1:
            raise InputError(f'num_local must be at least 1, got {num_local}: leave LocalViews out of the pipeline')
        self.num_local = num_local
        self.augmentation = settings_of(Augmentation, 'LocalViews', augmentation)

    def transform(self, results: dict) -> dict:
        a, b = results['views']
        common = a.origin[torch.isin(a.origin, b.origin)]
        centres = common if len(common) else a.origin
        results['local'] = [self.draw(results, centres) for _ in range(self.num_local)]
        return results

    def draw(self, results: dict, centres: Tensor) -> View:
        """One crop; drawn again where its own rotation takes it out of the range."""
        for _ in range(MAX_ATTEMPTS):
            view = self.make_view(grid_of(results), results['points'], centres, results['generator'])
            if len(view.points):
                return view
        raise BadSampleError(
            f'{results["file"]}: {MAX_ATTEMPTS} local crops in a row had no point in the range. Raise crop_share of '
            'LocalViews or widen point_cloud_range.'
        )

    def make_view(self, grid: Grid, points: Tensor, centres: Tensor, generator: Generator) -> View:
        rows = self.augmentation.crop(points, centres, generator)
        origin = self.augmentation.drop(rows, generator)
        augmented = self.augmentation(points[origin], generator)
        kept, cells, cell_of_point = grid.occupied(augmented)
        visible = torch.ones(len(cells), dtype=torch.bool)
        return View(augmented[kept], origin[kept], cells, cell_of_point, visible)
