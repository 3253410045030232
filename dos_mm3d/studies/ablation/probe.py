"""A linear probe of a ladder: python -m dos_mm3d.studies.ablation.probe REQUEST.json --out FILE.

The request names the config, the checkpoint (none for the baselines), the rows and the numbers of the probe; the cells
of the ladder write it."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from ...engine.launch import run_tool
from ...probe.checkpoint import probe_run, scans_of_split
from ...probe.linear_probe import ProbeRecipe
from ...probe.probe import ProbeSettings
from ..runner.config_file import answer_request
from .classes import label_counts


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """{'rows': {name: {'miou', 'sd', 'draws', 'per_class'}}} in percent; without a checkpoint also {'class_points',
    'split': facts about the data}."""
    cfg, split = Config.fromfile(request['config']), request['split']
    settings = request['settings']
    settings = ProbeSettings(**{**settings, 'recipe': ProbeRecipe(**settings['recipe'])})
    rows, facts = probe_run(
        cfg,
        request['rows'],
        settings,
        split=split,
        checkpoint=request['checkpoint'],
        seeds=range(request['random_seeds']),
        bn_scans=request['batch_norm_scans'],
    )
    if request['checkpoint'] is not None:
        return {'rows': rows}
    kept = ('training_scenes', 'training_scans', 'scored_scans', 'classes_absent')
    return {
        'rows': rows,
        'class_points': label_counts(scans_of_split(cfg, split)[0].scans),
        'split': {'name': split, **{key: facts[key] for key in kept}},
    }


if __name__ == '__main__':
    run_tool(lambda: answer_request(__doc__, answer))
