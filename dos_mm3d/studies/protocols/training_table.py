"""Entries and sentences of the table of a protocol that trains: what ± holds, what may hold one of the rows back."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...datasets.label_shares import leaf
from ..runner.statistics import means
from .base import entry
from .encoder_input import sweeps_of
from .sources import Source
from .training_config import layer_decay


def column_name(labels: str, key: str) -> str:
    """Of a share and a number."""
    return f'{labels}_{key.replace(" ", "_")}'


def entry_of(found: Mapping[int, Mapping[str, Any]], key: str, *, with_classes: bool) -> dict[str, Any]:
    """Mean over the seeds; with_classes: also the means of the classes, the sum of the confusion matrices, the means
    of the true-positive errors and of all that tools/test.py --metrics wrote."""
    cells, more = list(found.values()), {}
    if with_classes:
        more |= {key: means([cell[key] for cell in cells]) for key in ('per_class', 'errors') if key in cells[0]}
        numbers = [name for name, value in sorted(cells[0]['metrics'].items()) if isinstance(value, int | float)]
        more['metrics'] = means([{name: cell['metrics'].get(name) for name in numbers} for cell in cells])
    if with_classes and 'confusion' in cells[0]:
        more['confusion'] = np.sum([cell['confusion'] for cell in cells], axis=0).tolist()
    return entry({f'seed {seed}': cell['values'][key] for seed, cell in found.items()}, sd_over='seeds', **more)


def which_checkpoints(runs: set[int], seeds: int) -> str:
    """What the spread over seeds holds. runs: numbers of checkpoints, of every data set that was pretrained on."""
    if runs == {1}:
        return 'all seeds train from one checkpoint: ± leaves out what another pretraining run would give'
    if runs == {seeds}:
        return 'seed i trains from the checkpoint of pretraining run i'
    return (
        'seed i trains from the checkpoint of pretraining run i, from the first again where there are fewer: ± leaves '
        'out some of what another pretraining run would give'
    )


def decay_note(config: Mapping[str, Any]) -> list[str]:
    """Rates that fall towards the input are made for pretrained layers. config: resolved, of the downstream model."""
    if (decay := layer_decay(config)) == 1:
        return []
    return [
        f'The rates fall by a factor of {decay} a layer towards the input, which slows the first layers of a network '
        'from scratch: it is trained without that too, in a row of its own.'
    ]


def sweeps_note(config: Mapping[str, Any], sources: Sequence[Source]) -> list[str]:
    """Denser or thinner clouds than those of pretraining; a data set without a time lag has single scans in both."""
    steps = leaf(config['train_dataloader']['dataset']).get('pipeline') or []
    counts = [step['sweeps_num'] + 1 for step in steps if step['type'] == 'LoadPointsFromMultiSweeps']
    trained = counts[0] if counts else 1
    found = {source.dataset: sweeps_of(source.config['train_dataloader']['dataset']) or 1 for source in sources}
    return [
        f'Pretrained on {dataset} with {sweeps} sweep(s) in a sample, trained here with {trained}.'
        for dataset, sweeps in found.items()
        if sweeps != trained
    ]
