"""How many of the sweeps that are merged in one cloud a network is given."""

from collections.abc import Sequence

import torch
from mmcv.transforms import BaseTransform
from mmdet3d.registry import TRANSFORMS

from ...errors import InputError
from ..stream import BadSampleError

CLOCK_S = 2e-3  # sweeps do not come to the millisecond: 0.0502 is a lag of 0.05


@TRANSFORMS.register_module()
class RecentPoints(BaseTransform):
    """results['points'] (N, C) of merged sweeps -> the points that are no older than a limit, drawn for each scan.

    One network is so fed key frames alone and several sweeps. Stands before TwoViews, so that intensity ranks are taken
    among the points that are kept.

    Args:
        max_lag_s: the limits to draw from [s]; 0 is the key frame alone.
        column: of the time lag, in seconds.
        keep_column: False for a network that is fed single sweeps and has no such column: it is left out.
    """

    TAKES = GIVES = 'points'

    def __init__(self, max_lag_s: Sequence[float], column: int = 4, keep_column: bool = True) -> None:
        if not max_lag_s or min(max_lag_s) < 0:
            raise InputError(f'max_lag_s must be one limit at least, in seconds, from 0 on; got {max_lag_s}')
        if column < 3:
            raise InputError(f'column of the time lag must be one from 3 on, behind x, y, z; got {column}')
        self.max_lag_s = tuple(max_lag_s)
        self.column = column
        self.keep_column = keep_column

    def transform(self, results: dict) -> dict:
        points = results['points']
        if points.shape[1] <= self.column:
            raise InputError(
                f'{results["file"]}: found {points.shape[1]} columns, wanted a time lag in column {self.column}: set '
                'time_lag of the data set'
            )
        limit_s = self.max_lag_s[int(torch.randint(len(self.max_lag_s), (), generator=results['generator']))]
        recent = points[points[:, self.column] <= limit_s + CLOCK_S]
        if not len(recent):
            raise BadSampleError(
                f'{results["file"]}: no point has a time lag of {limit_s} s or less; is column {self.column} one of '
                'seconds since the key frame?'
            )
        if not self.keep_column:
            recent = recent[:, [column for column in range(recent.shape[1]) if column != self.column]]
        results['points'] = recent.contiguous()
        return results
