"""mmdet3d's kitti_eval with its CUDA kernel in numba's simulator: SCENES.json -> OUT.json.

Runs in a process of its own, as the simulator is chosen when numba is imported (NUMBA_ENABLE_CUDASIM=1). mmdet3d's two
files are loaded from where they are installed, without the rest of it.

SCENES.json: a list of scenes [labels, predictions], each a list of frames, each field a list. OUT.json: for each scene
the numbers that kitti_eval returns, and those of AOS, which it only prints.
"""

import importlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np

CLASSES = ['Car', 'Pedestrian', 'Cyclist']
DIFFICULTIES, STRICTNESS = ('easy', 'moderate', 'hard'), ('strict', 'loose')
WIDTHS = {'bbox': 4, 'dimensions': 3, 'location': 3}


def main(scenes_path: str, out_path: str) -> None:
    """Evaluate every scene by itself."""
    evaluation = load()
    scenes = json.loads(Path(scenes_path).read_text())
    results = []
    for number, (truth, found) in enumerate(scenes):
        results.append(evaluate(evaluation, [arrays(frame) for frame in truth], [arrays(frame) for frame in found]))
        print(f'\rmmdet3d: scene {number + 1} of {len(scenes)}', end='', file=sys.stderr, flush=True)
    print(file=sys.stderr)
    Path(out_path).write_text(json.dumps(results))


def load() -> ModuleType:
    """mmdet3d's evaluation; RuntimeError where numba is not in its simulator."""
    from numba import config

    if not config.ENABLE_CUDASIM:
        raise RuntimeError('set NUMBA_ENABLE_CUDASIM=1')
    package = ModuleType('kitti_utils')
    package.__path__ = [str(Path(find_spec('mmdet3d').origin).parent / 'evaluation' / 'functional' / 'kitti_utils')]
    sys.modules['kitti_utils'] = package
    return importlib.import_module('kitti_utils.eval')


def arrays(frame: dict[str, list]) -> dict[str, np.ndarray]:
    """A frame's fields as mmdet3d takes them."""
    return {
        name: np.array(values, str if name == 'name' else float).reshape(
            -1, *([WIDTHS[name]] if name in WIDTHS else [])
        )
        for name, values in frame.items()
    }


def evaluate(evaluation: ModuleType, truth: list[dict], found: list[dict]) -> dict[str, float | None]:
    """The numbers by mmdet3d's names, None for NaN."""
    kept, do_eval = [], evaluation.do_eval

    def remembering(*args, **kwargs):
        kept.append(do_eval(*args, **kwargs))
        return kept[-1]

    evaluation.do_eval = remembering
    try:
        _, numbers = evaluation.kitti_eval(truth, found, CLASSES, eval_types=['bbox', 'bev', '3d'])
    finally:
        evaluation.do_eval = do_eval
    for average, of_aos in (('AP11', kept[0][3]), ('AP40', kept[0][7])):
        for (c, d, s), value in np.ndenumerate(of_aos):
            numbers[f'KITTI/{CLASSES[c]}_AOS_{average}_{DIFFICULTIES[d]}_{STRICTNESS[s]}'] = value
    return {name: None if np.isnan(value) else float(value) for name, value in numbers.items()}


if __name__ == '__main__':
    main(*sys.argv[1:])
