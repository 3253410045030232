"""From one cloud of an object to its crops, their patches and masks (docs/objects.md, "Views", "Patches", "Masks")."""

import math
from dataclasses import dataclass

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS
from torch import Generator, Tensor

from ...errors import InputError
from ...functional.augment import rotation, uniform
from ...functional.crops import crop_rows, draw_crop
from ...functional.masking import check_mask_ratio
from ...functional.patch_masking import inverse_block_mask
from ...functional.patches import patch_rows
from ...structures import CropSet, ObjectSample
from ..stream import BadSampleError
from .settings import require_range, require_share, require_size, settings_of


@dataclass(frozen=True)
class Crops:
    """How many crops of a cloud, and how large.

    Args:
        number: of crops.
        points: of a crop.
        patches: of a crop.
        points_per_patch: of a patch, the centre among them.
        share: of the cloud's points that the box of a crop holds, drawn uniformly.
        min_points: that the box holds at least; None: ``points``. With fewer than ``points``, some of them are repeated
            in the crop, which is for sparse clouds.
    """

    number: int
    points: int
    patches: int
    points_per_patch: int
    share: tuple[float, float]
    min_points: int | None = None

    def __post_init__(self) -> None:
        if min(self.number, self.patches, self.points_per_patch, self.least) < 1:
            raise InputError(f'crops must have a number, patches and points of at least 1, got {self}')
        if self.least > self.points:
            raise InputError(f'min_points={self.least}, and a crop has {self.points} points: lower it, or raise points')
        if max(self.patches, self.points_per_patch) > self.points:
            raise InputError(f'a crop of {self.points} points holds no patches as in {self}: raise points')
        if not 0 < self.share[0] <= self.share[1] <= 1:
            raise InputError(f'the share of a crop must be a range in (0, 1], got {self.share}')

    @property
    def least(self) -> int:
        """Points that a cloud must have."""
        return self.points if self.min_points is None else self.min_points


@dataclass(frozen=True)
class Masks:
    """Masks of each whole crop.

    Args:
        number: of masks.
        mask_ratio: share of the patches that each hides.
        block_ratio: share of the patches that a visible block has.
        adjust_ratio: share that blocks are to cover beyond what stays visible, as they overlap.
    """

    number: int
    mask_ratio: float
    block_ratio: float
    adjust_ratio: float

    def __post_init__(self) -> None:
        check_mask_ratio(self.mask_ratio)
        require_share('block_ratio', self.block_ratio)
        require_size('adjust_ratio', self.adjust_ratio)
        if self.number < 1:
            raise InputError(f'the number of masks must be at least 1, got {self.number}: leave masks out')

    def __call__(self, whole: CropSet, generator: Generator) -> Tensor:
        """(G, M, P) bool of G crops, True where hidden."""
        rows = whole.centre_rows[..., None].expand(-1, -1, 3)
        centres = whole.points.gather(1, rows).repeat_interleave(self.number, 0)
        blocks, flips = torch.rand(2, *centres.shape[:2], generator=generator)
        ratios = dict(mask_ratio=self.mask_ratio, block_ratio=self.block_ratio, adjust_ratio=self.adjust_ratio)
        return inverse_block_mask(centres, blocks, flips, **ratios).unflatten(0, (-1, self.number))


@TRANSFORMS.register_module()
class DrawObjectCrops(BaseTransform):
    """results['points'] (N, 3) -> the item that :class:`PatchPreprocessor` takes: views (ObjectSample), file, skipped.

    Each crop: a box around a point, a random choice of the points in it, a turn about z, a factor for each axis,
    farthest points from a random start on, and their nearest neighbours. Then masks of the whole crops. Every random
    number is the generator's of the draw.

    Args:
        whole: settings of :class:`Crops` that the teacher sees.
        local: of those that only the student sees; None: none.
        masks: settings of :class:`Masks` of the whole crops; None: none.
        aspect: range of the proportion of a box's edges.
        scale_range: factors on the coordinates, for each axis and crop.
    """

    TAKES, GIVES = 'points', 'a sample'
    SETTINGS = {'whole': Crops, 'local': Crops, 'masks': Masks}

    def __init__(
        self,
        whole: dict,
        local: dict | None = None,
        masks: dict | None = None,
        aspect: tuple[float, float] = (0.33, 3.0),
        scale_range: tuple[float, float] = (0.8, 1.2),
    ) -> None:
        require_range('aspect', aspect, 0.01, 100, 'proportions')
        require_range('scale_range', scale_range, 0.01, 100, 'factors')
        self.whole = settings_of(Crops, 'whole of DrawObjectCrops', whole)
        self.local = None if local is None else settings_of(Crops, 'local of DrawObjectCrops', local)
        self.masks = None if masks is None else settings_of(Masks, 'masks of DrawObjectCrops', masks)
        self.aspect = tuple(aspect)
        self.scale_range = tuple(scale_range)

    def transform(self, results: dict) -> dict:
        points, generator = results['points'], results['generator']
        wanted = max(crops.least for crops in (self.whole, self.local) if crops is not None)
        if len(points) < wanted:
            raise BadSampleError(
                f'{results["file"]}: has {len(points)} points, wanted {wanted} for a crop. Leave such objects out '
                '(least_points of the data set), or let crops repeat points (min_points of whole and local).'
            )
        whole = self.draw(points, self.whole, generator)
        views = ObjectSample(
            whole=whole,
            local=None if self.local is None else self.draw(points, self.local, generator),
            masked=None if self.masks is None else self.masks(whole, generator),
        )
        return dict(views=views, file=results['file'], skipped='\n'.join(results['skipped']))

    def draw(self, points: Tensor, crops: Crops, generator: Generator) -> CropSet:
        """As many crops of a cloud (N, 3) as the settings say."""
        drawn = [self.crop(points, crops, generator) for _ in range(crops.number)]
        return CropSet(*(torch.stack(parts) for parts in zip(*drawn)))

    def crop(self, points: Tensor, crops: Crops, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Points (n, 3) of one crop, rows (P,) of its centres and (P, K) of its patches."""
        box = draw_crop(len(points), share=crops.share, aspect=self.aspect, generator=generator)
        rows = crop_rows(points, box, min_points=crops.least)
        kept = points[rows[random_rows(len(rows), crops.points, generator)]]
        yaw_rad = uniform(-math.pi, math.pi, generator)
        scales = torch.tensor([uniform(*self.scale_range, generator) for _ in range(3)])
        kept = kept @ rotation(yaw_rad, 0, 0).T * scales
        start = int(torch.randint(len(kept), (), generator=generator))
        return kept, *patch_rows(kept, crops.patches, crops.points_per_patch, start=start)


def random_rows(available: int, count: int, generator: Generator) -> Tensor:
    """(count,) of the rows 0 to available - 1 in random order, none twice; where there are fewer, each as often as
    another, or once more."""
    rounds = -(-count // available)
    return torch.cat([torch.randperm(available, generator=generator) for _ in range(rounds)])[:count]
