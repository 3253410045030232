"""Numbers of mmdet3d's detectors with which nothing is learnt or found, which upstream nobody says."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from ..errors import InputError

_COUNTED = ('max_objs', 'max_per_img', 'max_num', 'pre_max_size', 'post_max_size', 'nms_pre')
_SHARES = ('gaussian_overlap', 'score_threshold', 'score_thr', 'nms_thr')


def check_detector_numbers(cfg: Config) -> None:
    """InputError for a number of boxes below 1, or a score or overlap outside 0 to 1, in the train_cfg or test_cfg of a
    model."""
    for part in ('train_cfg', 'test_cfg'):
        for place, value in _numbers((cfg.get('model') or {}).get(part), f'model.{part}'):
            name = place.rpartition('.')[2]
            if name in _COUNTED and value < 1 and not (name == 'max_num' and value == -1):
                raise InputError(f'{place}={value}: wanted a number of boxes, 1 or more')
            if name in _SHARES and not 0 <= value <= 1:
                raise InputError(f'{place}={value}: wanted a number from 0 to 1')


def _numbers(value: Any, place: str) -> Iterator[tuple[str, float]]:
    """Every number, by its place; those of a list by the list's."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _numbers(one, f'{place}.{name}')
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _numbers(one, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, value
