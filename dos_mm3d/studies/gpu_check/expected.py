"""The losses that a GPU is compared with, recorded on one thread of a CPU."""

from pathlib import Path

import torch

from ...errors import InputError
from ...files import write_json
from ..runner.record import describe_machine
from .check import Place
from .training import BACKBONES, DETECTOR, detection, pretraining, train, write_world

COMMAND = 'python tools/gpu_check.py --record'


def record_losses(file: Path, place: Place) -> None:
    """Run the trainings and write their losses, with commit, versions and command; InputError where there is a GPU."""
    if place.on_gpu:
        raise InputError('--record is for a CPU, and torch sees a GPU here; set CUDA_VISIBLE_DEVICES= (empty)')
    torch.set_num_threads(1)
    write_world(place)
    losses = {name: train(pretraining(name, place, f'record_{name}')) for name in BACKBONES}
    losses[DETECTOR] = train(detection(place, 'record_detector'))
    write_json(file, {'losses': losses, 'command': COMMAND, **describe_machine()})
