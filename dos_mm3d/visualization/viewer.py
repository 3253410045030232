"""Sweeps in one self-contained HTML page: turn them, colour them, click on a point. No server, no network, no library.

The page is `viewer.html` beside this file, plain WebGL, with the numbers put in. Features are stored once for a loss
voxel, not once for a point, as signed bytes; places as 16-bit numbers, intensities and colours as bytes.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEMPLATE = Path(__file__).with_name('viewer.html')
TITLE = 'Features of sweeps'
HEIGHT_PERCENT = (2.0, 98.0)
REACH_PERCENT = 92.0


@dataclass(frozen=True)
class ViewedSweep:
    """One sweep for the page.

    Args:
        name: for the reader.
        points: (n, 4) x, y, z in metres, intensity 0-1.
        cell_of_point: (n,) row in what follows.
        directions: (m, W) of length 1: features between which cosines are similarities.
        colours: (m, 3) in [0, 1].
        softmaps: kind -> (m, P) shares of each of P prototypes; the same kinds, in one order, in all sweeps.
    """

    name: str
    points: NDArray[np.floating]
    cell_of_point: NDArray[np.integer]
    directions: NDArray[np.floating]
    colours: NDArray[np.floating]
    softmaps: dict[str, NDArray[np.floating]]


def viewer_page(sweeps: Sequence[ViewedSweep], prototypes: Sequence[dict[str, Any]] = ()) -> str:
    """The page of one sweep or more, of which two are seen at a time.

    prototypes: of each of the softmaps' columns `number` and `share`, how many places are nearest to it.
    ValueError where there is no sweep, or softmaps do not fit the prototypes.
    """
    kinds = list(sweeps[0].softmaps) if sweeps else []
    if not sweeps or any(list(one.softmaps) != kinds for one in sweeps):
        raise ValueError(f'wanted sweeps with the same kinds of softmaps, got {[list(one.softmaps) for one in sweeps]}')
    if any(maps.shape[1] != len(prototypes) for one in sweeps for maps in one.softmaps.values()):
        raise ValueError(f'the softmaps are not those of {len(prototypes)} prototypes')
    xyz_m = np.concatenate([sweep.points[:, :3] for sweep in sweeps])
    step_m = max(float(np.abs(xyz_m).max()) / np.iinfo(np.int16).max, 0.001)
    tops = {kind: np.max([one.softmaps[kind].max(0) for one in sweeps], axis=0) for kind in kinds}
    low, high = np.percentile(xyz_m[:, 2], HEIGHT_PERCENT)
    data = {
        'width': sweeps[0].directions.shape[1],
        'step_m': step_m,
        'height_m': [float(low), float(max(high, low + 0.1))],
        'reach_m': float(np.percentile(np.abs(xyz_m[:, :2]).max(1), REACH_PERCENT)),
        'kinds': kinds,
        'prototypes': list(prototypes),
        'sweeps': [_packed(sweep, step_m, tops) for sweep in sweeps],
    }
    # the text of a script ends at the first </script, whatever stands around it
    text = json.dumps(data, separators=(',', ':')).replace('<', '\\u003c')
    return TEMPLATE.read_text(encoding='utf-8').replace('TITLE', TITLE, 1).replace('DATA', text, 1)


def shown_share(maps: NDArray[np.floating], top: NDArray[np.floating]) -> NDArray[np.floating]:
    """Softmaps (m, P) as shades from 0 to 1: the square root of the share of the largest value, `top` (P,), for most
    of a softmap lies far below its peak."""
    return np.sqrt(maps / np.maximum(top, 1e-30))


def _packed(sweep: ViewedSweep, step_m: float, tops: dict[str, NDArray]) -> dict[str, Any]:
    # one prototype after the other
    maps = [_bytes(shown_share(sweep.softmaps[kind], top).T) for kind, top in tops.items()]
    return {
        'name': sweep.name,
        'xyz': _text(np.round(sweep.points[:, :3] / step_m), '<i2'),
        # few returns are bright: the brightest 2 % share one colour
        'intensity': _bytes(sweep.points[:, 3] / max(np.percentile(sweep.points[:, 3], 98), 1e-6)),
        'cell': _text(sweep.cell_of_point, '<i4'),
        'directions': _text(np.round(sweep.directions * 127), 'i1'),
        'pca': _bytes(sweep.colours),
        'softmaps': maps,
    }


def _bytes(shares: NDArray[np.floating]) -> str:
    """Numbers from 0 to 1 as bytes."""
    return _text(np.round(np.clip(shares, 0, 1) * 255), 'u1')


def _text(values: NDArray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode('ascii')
