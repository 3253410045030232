"""Sweeps in one self-contained HTML page: turn them, colour them, click on a point. No server, no network, no library.

The page is the folder `page` beside this file, plain WebGL, with the numbers put in. Features are stored once for a
loss voxel, not once for a point, as signed bytes; places as 16-bit numbers, intensities, classes and colours as bytes.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .labelled import class_colours
from .shades import shown_share, softmap_tops
from .viewed import NO_CATEGORY, ViewedFeatures, ViewedSweep, Words, check_together

PAGE = Path(__file__).with_name('page')
SCRIPTS = ('sweeps.js', 'pane.js', 'events.js')
HEIGHT_PERCENT = (2.0, 98.0)


def viewer_page(sweeps: Sequence[ViewedSweep], words: Words) -> str:
    """The page of one sweep or more, of which two are seen at a time.

    ValueError where there is no sweep, or sweeps do not fit each other or the words.
    """
    check_together(sweeps, words)
    xyz_m = np.concatenate([sweep.points[:, :3] for sweep in sweeps])
    step_m = max(float(np.abs(xyz_m).max()) / np.iinfo(np.int16).max, 0.001)
    features = [sweep.features for sweep in sweeps if sweep.features is not None]
    tops = softmap_tops(sweeps)
    low, high = np.percentile(xyz_m[:, 2], HEIGHT_PERCENT)
    data = {
        'width': features[0].directions.shape[1] if features else 0,
        'step_m': step_m,
        'height_m': [float(low), float(max(high, low + 0.1))],
        'reach_m': float(np.percentile(np.abs(xyz_m[:, :2]).max(1), words.reach_percent)),
        'kinds': list(tops),
        'prototypes': [dict(one) for one in words.prototypes],
        'categories': [_named(kind, names) for kind, names in words.categories.items()],
        'boxes': [{'title': title, 'colour': colour} for title, colour in words.boxes.items()],
        'score': words.score,
        'sweeps': [_packed(sweep, step_m, tops, words) for sweep in sweeps],
    }
    # the text of a script ends at the first </script, whatever stands around it
    text = json.dumps(data, separators=(',', ':')).replace('<', '\\u003c')
    script = '\n'.join((PAGE / name).read_text(encoding='utf-8') for name in SCRIPTS)
    page = (PAGE / 'page.html').read_text(encoding='utf-8')
    return page.replace('TITLE', words.title, 1).replace('SCRIPT', script, 1).replace('DATA', text, 1)


def holds_page(title: str) -> Callable[[Path], bool]:
    """A question for `check_output`: whether a file is a page of that title."""

    def asked(path: Path) -> bool:
        with open(path, 'rb') as file:
            return f'<title>{title}</title>'.encode() in file.read(1000)

    return asked


def _named(kind: str, names: Sequence[str]) -> dict[str, Any]:
    return {
        'kind': kind,
        'names': list(names),
        'colours': np.round(class_colours(len(names)) * 255).astype(int).tolist(),
    }


def _packed(sweep: ViewedSweep, step_m: float, tops: Mapping[str, NDArray], words: Words) -> dict[str, Any]:
    counts = [len(names) for names in words.categories.values()]
    packed = {
        'name': sweep.name,
        'xyz': _text(np.round(sweep.points[:, :3] / step_m), '<i2'),
        # few returns are bright: the brightest 2 % share one colour
        'intensity': _bytes(sweep.points[:, 3] / max(np.percentile(sweep.points[:, 3], 98), 1e-6)),
        'categories': [
            _text(np.where((own >= 0) & (own < count), own, NO_CATEGORY), 'u1')
            for own, count in zip(sweep.categories.values(), counts)
        ],
        'boxes': [[vars(one) for one in group] for group in sweep.boxes],
    }
    return packed if sweep.features is None else packed | _packed_features(sweep.features, tops)


def _packed_features(features: ViewedFeatures, tops: Mapping[str, NDArray]) -> dict[str, Any]:
    # one prototype after the other
    maps = [_bytes(shown_share(features.softmaps[kind], top).T) for kind, top in tops.items()]
    return {
        'cell': _text(features.cell_of_point, '<i4'),
        'directions': _text(np.round(features.directions * 127), 'i1'),
        'pca': _bytes(features.colours),
        'softmaps': maps,
    }


def _bytes(shares: NDArray[np.floating]) -> str:
    """Numbers from 0 to 1 as bytes."""
    return _text(np.round(np.clip(shares, 0, 1) * 255), 'u1')


def _text(values: NDArray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode('ascii')
