"""One cell of a probe: python -m dos_mm3d.studies.protocols.probe_cell REQUEST.json --out FILE.

The request names the data, what the encoder is fed, the network, the rows and the draws; `probe_plan` writes it."""

import argparse
import copy
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.registry import init_default_scope
from numpy.typing import NDArray
from torch import nn

from ...engine.launch import run_tool
from ...files import nan_to_none, read_json, write_json
from ...metrics.confusion import iou_percent, miou_percent
from ...probe.features import EncoderFeatures, extractor_of
from ...probe.linear_probe import ProbeRecipe
from ...probe.pretrained import adapt_batch_norm, load_pretrained, random_backbones
from ...probe.probe import ProbeSettings, run_probe
from ...probe.scans import LabelledScans, spread
from .draws import Draws, flat
from .encoder_input import EncoderInput, FedScans
from .folder_sets import probed_set


def answer(request: Mapping[str, Any]) -> dict[str, Any]:
    """Fit and score every row on every draw: see `summarise` for what is recorded."""
    dataset, encoder_input = probed_set(request['dataset'], request['place']), EncoderInput(**request['input'])

    def fed(part: str) -> FedScans:
        scans = dataset.scans(part, num_sweeps=encoder_input.num_sweeps)
        return FedScans(scans, encoder_input, frame=dataset.frame(part), score_range=request['score_range'])

    train, scored, count = fed('probe_train'), fed(request['split']), request['scored_scans']
    scored = scored if count is None else spread(scored, count)
    blocks = {block for names in request['rows'].values() for block in names}
    encoders = None if request['network']['kind'] == 'none' else encoders_of(request, blocks, fed)
    draws = Draws(**request['draws']).of(len(train))
    confusions = run_probe(
        train,
        scored,
        extractor_of(blocks, encoders),
        request['rows'],
        ProbeSettings(points_per_class=request['points_per_class'], recipe=ProbeRecipe(**request['recipe'])),
        draws=flat(draws),
        n_classes=len(train.scans.classes),
    )
    classes = list(train.scans.classes)
    return {
        'classes': classes,
        'training_scans': len(train),
        'scored_scans': len(scored),
        'scored_points': next(iter(confusions.values()))[0].sum(1).tolist(),
        'columns': {name: column_record(train.scans, of_column) for name, of_column in draws.items()},
        'rows': {row: rows_record(found, draws, classes) for row, found in confusions.items()},
    }


def encoders_of(request: Mapping[str, Any], blocks: set[str], fed: Callable[[str], FedScans]) -> EncoderFeatures:
    """The network's backbones that a row names, in eval mode. BatchNorm statistics are of unlabelled scans of the data
    set that is probed."""
    init_default_scope('mmdet3d')
    cfg, network = Config.fromfile(request['config']), request['network']
    if network['kind'] == 'random':
        model = MODELS.build(cfg.model).eval().to(get_device())
        scans = spread(fed('pretrain'), network['batch_norm_scans'])
        (backbone,) = random_backbones(cfg, model, [network['seed']], scans).values()
        return EncoderFeatures(model, {'random': backbone})
    model = load_pretrained(cfg, request['checkpoint']).to(get_device())
    found: dict[str, nn.Module] = {'teacher': model.teacher.backbone, 'student': model.student.backbone}
    if 'teacher_adapted' in blocks:
        found['teacher_adapted'] = adapted = copy.deepcopy(model.teacher.backbone)
        adapt_batch_norm(model, [adapted], spread(fed('pretrain'), network['batch_norm_scans']))
    wanted = {name: found[name] for name in found if name in blocks}
    return EncoderFeatures(model, wanted)


def column_record(train: LabelledScans, draws: Sequence[Sequence[int]]) -> dict[str, Any]:
    """The labelled scans of every draw, by name, and how many sequences they come from."""
    return {
        'draws': [[train.names[number] for number in draw] for draw in draws],
        'labelled_frames': [len(draw) for draw in draws],
        'sequences': [len({train.sequences[number] for number in draw}) for draw in draws],
    }


def rows_record(
    confusions: Sequence[NDArray[np.int64]], draws: Mapping[str, Sequence[Sequence[int]]], classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Column -> numbers of a row; confusions come in the order of `flat(draws)`."""
    found = iter(confusions)
    return {name: summarise(list(islice(found, len(of_column))), classes) for name, of_column in draws.items()}


def summarise(confusions: Sequence[NDArray[np.int64]], classes: Sequence[str]) -> dict[str, Any]:
    """miou: per draw, percent.  per_class: class -> IoU per draw, None where the class has no point in the split.
    confusion: (classes, classes) points, summed over the draws."""
    iou = np.array([iou_percent(matrix) for matrix in confusions])
    return {
        'miou': [miou_percent(matrix) for matrix in confusions],
        'per_class': nan_to_none({name: column.tolist() for name, column in zip(classes, iou.T)}),
        'confusion': np.sum(confusions, axis=0).tolist(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer the request of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('request', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args(arguments)
    write_json(args.out, nan_to_none(answer(read_json(args.request))))


if __name__ == '__main__':
    run_tool(main)
