"""Sentences below the table of a protocol that trains: what ± holds, and what may hold one of the rows back."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...datasets.label_shares import leaf
from .base import Source
from .encoder_input import sweeps_of
from .training_config import layer_decay


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
