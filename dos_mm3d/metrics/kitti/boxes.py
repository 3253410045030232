"""Labelled and predicted boxes of all frames as flat arrays, and how much those of one frame overlap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..rotated_iou import box_iou_3d

Annotations = Mapping[str, NDArray]
"""One frame as mmdet3d has it, one row a box: name; truncated; occluded; alpha [rad]; bbox (N, 4) left, top, right,
bottom [px]; location (N, 3) x, y, z of the centre of the bottom, dimensions (N, 3) length, height, width [m],
rotation_y [rad], all three in the camera's frame; of predictions score."""
DONT_CARE = 'dontcare'


@dataclass(frozen=True)
class Boxes:
    """Boxes of F frames, those of frame f in rows starts[f] to starts[f + 1].

    Args:
        starts: (F + 1,) int64.
        name: (N,) class in small letters.
        image: (N, 4) left, top, right, bottom [px].
        box: (N, 7) right, ahead, up of the centre, length, width, height [m], counter-clockwise turn seen from above.
        alpha: (N,) angle of observation [rad], -10 where it is not known.
        more: name -> (N,) what only one side has: truncated, occluded; score.
    """

    starts: NDArray[np.int64]
    name: NDArray[np.str_]
    image: NDArray[np.float64]
    box: NDArray[np.float64]
    alpha: NDArray[np.float64]
    more: Mapping[str, NDArray[np.float64]]

    @property
    def height_px(self) -> NDArray[np.float64]:
        """(N,) of the boxes in the image."""
        return self.image[:, 3] - self.image[:, 1]

    def frames(self) -> list[slice]:
        """Rows of every frame."""
        return [slice(first, last) for first, last in zip(self.starts[:-1], self.starts[1:])]


def flattened(frames: Sequence[Annotations], more: Sequence[str]) -> Boxes:
    """The frames one after the other, the fields `more` included."""

    def column(name: str, width: int | None = None) -> NDArray:
        shape = (-1,) if width is None else (-1, width)
        return np.concatenate([np.zeros((0, *shape[1:])), *(np.reshape(frame[name], shape) for frame in frames)])

    size, place = column('dimensions', 3), column('location', 3)
    length, height, width = size.T
    up = height / 2 - place[:, 1]  # the camera's y points down
    return Boxes(
        starts=np.cumsum([0, *(len(frame['name']) for frame in frames)]),
        name=np.array([str(name).lower() for frame in frames for name in frame['name']], np.str_),
        image=column('bbox', 4),
        box=np.stack([place[:, 0], place[:, 2], up, length, width, height, -column('rotation_y')], axis=1),
        alpha=column('alpha'),
        more={name: column(name) for name in more},
    )


def image_iou(boxes: NDArray, others: NDArray) -> NDArray[np.float64]:
    """IoU (N, M) of upright rectangles (N, 4) and (M, 4): left, top, right, bottom."""
    shared = _shared(boxes, others)
    return _ratio(shared, _area(boxes)[:, None] + _area(others) - shared)


def share_inside(boxes: NDArray, regions: NDArray) -> NDArray[np.float64]:
    """(N,) the largest share of each rectangle (N, 4) that lies in one of the regions (M, 4); 0 without any."""
    shares = _ratio(_shared(boxes, regions), _area(boxes)[:, None])
    return shares.max(axis=1, initial=0.0)


def bev_iou(boxes: NDArray, others: NDArray) -> NDArray[np.float64]:
    """IoU (N, M) seen from above, of boxes as `Boxes.box` has them."""
    return box_iou_3d(*(side * _FLAT + _UNIT_HEIGHT for side in (boxes, others)))


# as high as one another: what overlaps from above does so in three dimensions, in the same proportion
_FLAT, _UNIT_HEIGHT = np.array([1, 1, 0, 1, 1, 0, 1.0]), np.array([0, 0, 0, 0, 0, 1, 0.0])


def overlaps(
    iou: Callable[[NDArray, NDArray], NDArray], found: Boxes, truth: Boxes, field: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """IoU of the predictions with the labels of their frame: starts (F + 1,), and (sum of D_f x G_f,) row by row.

    iou: (D_f, 4 or 7), (G_f, 4 or 7) -> (D_f, G_f), of the arrays that `field` names.
    """
    pairs = zip(found.frames(), truth.frames(), strict=True)
    each = [iou(getattr(found, field)[d], getattr(truth, field)[g]).reshape(-1) for d, g in pairs]
    return np.cumsum([0, *map(len, each)]), np.concatenate([np.zeros(0), *each])


def _shared(boxes: NDArray, others: NDArray) -> NDArray[np.float64]:
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2)


def _area(boxes: NDArray) -> NDArray[np.float64]:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def _ratio(part: NDArray, whole: NDArray) -> NDArray[np.float64]:
    """part / whole, 0 where nothing is shared."""
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=part > 0)
