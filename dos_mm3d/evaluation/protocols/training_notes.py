"""Sentences below the table of a protocol that trains: what ± holds, and what may hold the scratch row back."""

from collections.abc import Mapping
from typing import Any


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
    """Rates that fall towards the input are made for pretrained layers; a scratch row of the same config has them too.

    config: resolved, of the downstream model."""
    decay = (config['optim_wrapper'].get('paramwise_cfg') or {}).get('layer_decay', 1)
    if decay == 1:
        return []
    return [
        f'The rates fall by a factor of {decay} a layer towards the input, from scratch as well, where that slows the '
        'first layers: for a fair scratch row run the protocol once more with --cfg-options '
        'optim_wrapper.paramwise_cfg.layer_decay=1 and another --out.'
    ]
