"""Tiny sets of objects, checkpoints of AsymDSD, and protocols whose cells run in this process."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dos_mm3d.datasets.objects import write_object_set
from dos_mm3d.studies.protocols import PROTOCOLS, Protocol, ProtocolArguments
from dos_mm3d.studies.protocols.objects import cell
from dos_mm3d.studies.protocols.objects.data import ObjectData
from dos_mm3d.studies.protocols.objects.sources import read_object_sources
from tests.helpers import asymdsd_nets
from tests.helpers.object_sets import CLASSES, cloud

WHOLE = {'number': 2, 'points': 40, 'patches': 8, 'points_per_patch': 4, 'share': (0.4, 1.0)}


def write_set(root: Path, *, train: int = 6, test: int = 3, parts: bool = False, form: str = 'modelnet40') -> Path:
    """Splits train and test with so many objects of each class; of parts the lower and the upper half are one each."""
    for split, count, first in (('train', train, 0), ('test', test, train)):
        labels = [label for label in range(len(CLASSES)) for _ in range(count)]
        found = [cloud(label, first + number % count, points=48) for number, label in enumerate(labels)]
        names = [f'{split}_{number}' for number in range(len(found))]
        more: dict[str, Any] = {}
        if parts:
            halves = [one[:, 2] > np.median(one[:, 2]) for one in found]
            more['parts'] = [2 * label + upper for label, upper in zip(labels, halves)]
            more['parts_of_class'] = {name: (2 * label, 2 * label + 1) for label, name in enumerate(CLASSES)}
        write_object_set(root, split, found, labels, CLASSES, names, source={'format': form}, **more)
    return root


def write_checkpoint(path: Path, form: str = 'dual', seed: int = 0) -> Path:
    """What tools/train.py would leave of a tiny network, its config as text."""
    model = asymdsd_nets.build(form, seed=seed)
    config = {
        'model': asymdsd_nets.settings(form),
        'train_dataloader': {'dataset': {'pipeline': [{'type': 'DrawObjectCrops', 'whole': WHOLE}]}},
        'train_cfg': {'max_iters': 7},
        'randomness': {'seed': seed},
    }
    text = ''.join(f'{name} = {value!r}\n' for name, value in config.items())
    torch.save({'state_dict': model.state_dict(), 'meta': {'cfg': text, 'iter': 7}}, path)
    return path


def protocol(name: str, out: Path, roots: Mapping[str, Path], checkpoints: list[str], **options: Any) -> Protocol:
    """A protocol on prepared sets, with the options that its command line would have."""
    kind = PROTOCOLS[name]
    parser = argparse.ArgumentParser()
    kind.add_arguments(parser)
    study = {key: options.pop(key) for key in ('seeds', 'split') if key in options}
    found = {**vars(parser.parse_args([])), 'epochs': 2, 'batch_size': 8, **options}
    return kind(
        ProtocolArguments(
            datasets=tuple(ObjectData(name, root) for name, root in roots.items()),
            sources=read_object_sources(checkpoints),
            out=out,
            options=found,
            **{'seeds': 1, 'split': 'validation', **study},
        )
    )


def results_of(judged: Protocol) -> dict[str, dict[str, Any]]:
    """What its cells find, run here one after the other."""
    found = {}
    judged.check()
    for one in judged.cells():
        folder = one.folder(judged.args.out)
        folder.mkdir(parents=True)
        one.prepare(folder)
        (command,) = one.commands(folder)
        cell.main(command[3:])
        found[one.name] = dict(one.collect(folder))
    return found
