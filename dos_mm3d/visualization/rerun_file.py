"""The same as the page as a recording (.rrd) for the Rerun viewer (rerun.io). Rerun is optional."""

import importlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import matplotlib
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .labelled import UNLABELLED, class_colours
from .shades import heat, shown_share, softmap_tops
from .viewed import ViewedSweep, Words, check_together

APPLICATION = 'dos_mm3d'
RECORDING = b'RRF2'  # how a recording begins
TIMELINE = 'prototype'


def load_rerun() -> ModuleType:
    """The package; InputError, with what to do, where it is not installed."""
    try:
        return importlib.import_module('rerun')
    except ImportError as error:
        raise InputError(
            f'Rerun is not installed ({error}); install it with `pip install "dos_mm3d[rerun]"`, or leave out --rrd'
        ) from error


def rerun_recording(sweeps: Sequence[ViewedSweep], words: Words, *, n_softmaps: int = 0) -> bytes:
    """Points of every sweep once for each kind of colour, PCA first, and its boxes by group, as the bytes of a .rrd
    file; softmaps of the first `n_softmaps` prototypes on a timeline, by number. ValueError as of the page; InputError
    where Rerun is not installed."""
    check_together(sweeps, words)
    rerun = load_rerun()
    stream = rerun.new_recording(APPLICATION)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'all.rrd')
        rerun.save(path, recording=stream)
        tops = {kind: top[:n_softmaps] for kind, top in softmap_tops(sweeps).items() if n_softmaps}
        for number, sweep in enumerate(sweeps):
            root = f'{number}_{entity_name(sweep.name)}'
            for kind, colours in colourings(sweep, words):
                points = rerun.Points3D(sweep.points[:, :3], colors=as_bytes(colours))
                rerun.log(f'{root}/{entity_name(kind)}', points, static=True, recording=stream)
            for kind, top in tops.items():
                log_softmaps(rerun, stream, f'{root}/softmaps/{entity_name(kind)}', sweep, words, kind, top)
            for (title, colour), boxes in zip(words.boxes.items(), sweep.boxes):
                logged = boxes3d(rerun, np.array([one.box for one in boxes]).reshape(-1, 7), colour, boxes)
                rerun.log(f'{root}/{entity_name(title)}', logged, static=True, recording=stream)
        rerun.disconnect(recording=stream)  # closes the file
        return path.read_bytes()


def colourings(sweep: ViewedSweep, words: Words) -> Iterator[tuple[str, NDArray[np.floating]]]:
    """Kind and colours (n, 3) in [0, 1] of the points."""
    if sweep.features is not None:
        yield 'PCA', sweep.features.colours[sweep.features.cell_of_point]
    for (kind, names), numbers in zip(words.categories.items(), sweep.categories.values()):
        known = (numbers >= 0) & (numbers < len(names))
        yield kind, np.vstack((class_colours(len(names)), UNLABELLED))[np.where(known, numbers, -1)]
    bright = sweep.points[:, 3] / max(np.percentile(sweep.points[:, 3], 98), 1e-6)
    yield 'intensity', matplotlib.colormaps['viridis'](np.clip(bright, 0, 1))[:, :3]


def log_softmaps(
    rerun: ModuleType, stream: object, entity: str, sweep: ViewedSweep, words: Words, kind: str, top: NDArray
) -> None:
    """The points once, and their shades for as many prototypes as `top` has, whose numbers are the time."""
    rerun.log(entity, rerun.Points3D(sweep.points[:, :3]), static=True, recording=stream)
    shades = shown_share(sweep.features.softmaps[kind][:, : len(top)], top)[sweep.features.cell_of_point]
    # a row for each prototype, of one colour for each point
    columns = rerun.Points3D.columns(colors=as_bytes(heat(shades.T)).reshape(-1, 3))
    numbers = [one['number'] for one in words.prototypes[: len(top)]]
    times = [rerun.TimeSequenceColumn(TIMELINE, numbers)]
    rerun.send_columns(entity, times, columns.partition([len(shades)] * len(numbers)), recording=stream)


def as_bytes(colours: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours in [0, 1] as Rerun takes them."""
    return np.round(colours * 255).astype(np.uint8)


def boxes3d(rerun: ModuleType, boxes: NDArray, colour: tuple[int, int, int], said: Sequence) -> object:
    """Boxes (k, 7), as ViewedBox has them, turned about the upward axis."""
    turns = [rerun.RotationAxisAngle(axis=(0, 0, 1), radians=yaw) for yaw in boxes[:, 6].tolist()]
    return rerun.Boxes3D(
        centers=boxes[:, :3],
        half_sizes=boxes[:, 3:6] / 2,
        rotation_axis_angles=turns,
        colors=[colour] * len(boxes),
        labels=[one.text for one in said],
    )


def entity_name(text: str) -> str:
    """A part of an entity's path: what has a meaning there becomes an underscore."""
    return re.sub(r'[^A-Za-z0-9_.-]+', '_', text)


def holds_recording(path: Path) -> bool:
    """Whether a file is a Rerun recording."""
    with open(path, 'rb') as file:
        return file.read(len(RECORDING)) == RECORDING
