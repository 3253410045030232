"""One cell of a protocol on objects: python -m dos_mm3d.studies.protocols.objects.cell REQUEST.json --out FILE.

The request names the data, how they are fed, the network and how it is judged; `base.ObjectProtocol` writes it."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope
from numpy.typing import NDArray
from torch import Tensor

from ....engine.launch import run_tool
from ....files import nan_to_none, read_json, write_json
from ....metrics.confusion import confusion_matrix
from ....probe.objects.classifiers import Judged, best_of_all, knn, svm
from ....probe.objects.features import described, encoder_features, standardised, unit_rows
from ....probe.objects.inputs import ObjectInput
from ....probe.objects.networks import HIDDEN, EncoderClassifier, PointNetClassifier
from ....probe.objects.splits import draw_episode
from ....probe.objects.tasks import (
    ObjectTask,
    accuracy,
    head_on_features,
    network,
    scored_parts,
    task_of,
    task_of_episode,
)
from .part_cell import parts
from .recipes import DROP_PATH
from .request import KEEP, Request

CLASSIFIERS = {'svm': svm, 'knn': knn, 'best_of_all': best_of_all}
SCRATCH_POOLS = ('mean', 'max')
HEADS = {'linear': (), 'mlp3': HIDDEN}


def answer(request: Request) -> dict[str, Any]:
    """Numbers of `last` and `best`, and what they rest on."""
    if request.content['task'] == 'few_shot':
        return few_shot(request)
    if request.content['task'] == 'parts':
        return parts(request)
    task = request.task()
    judged = judge(request, task, keep=request.folder / KEEP)
    classes = task.train.classes
    return {
        'labelled': len(task.train_rows),
        'held_out': len(task.out),
        'scored': len(task.scored_rows),
        'facts': dict(judged.facts),
        **{name: scores(found, task.scored_labels, classes) for name, found in judged.states.items()},
    }


def scores(predicted: NDArray, truth: NDArray, classes: Sequence[str]) -> dict[str, Any]:
    """values: overall accuracy and the mean over classes, percent.  per_class: the share of a class that is found,
    None for a class without an object.  confusion: objects, rows are the true classes."""
    confusion = confusion_matrix(truth, predicted, n_classes=len(classes))
    counts = confusion.sum(1)
    recall = np.where(counts > 0, 100 * confusion.diagonal() / np.maximum(counts, 1), np.nan)
    return {
        'values': {'accuracy': 100 * accuracy(predicted, truth), 'class_accuracy': float(np.nanmean(recall))},
        'per_class': dict(zip(classes, recall.tolist())),
        'confusion': confusion.tolist(),
    }


def judge(request: Request, task: ObjectTask, keep: Path | None = None) -> Judged:
    """By the kind of network and the way of judging it."""
    if request.kind in ('scratch', 'pointnet'):
        return trained(request, task, keep)
    if request.how == 'finetune' and request.kind == 'checkpoint':
        return finetuned(request, task, keep)
    if request.kind in ('descriptors', 'described_size'):
        return on_descriptors(request, task)
    return on_features(request, task)


def trained(request: Request, task: ObjectTask, keep: Path | None) -> Judged:
    """A network without pretraining, as a whole, and alike in every protocol."""
    torch.manual_seed(request.seed)
    if request.kind == 'pointnet':
        model = PointNetClassifier(task.num_classes)
    else:
        model = EncoderClassifier(request.encoder(), task.num_classes, SCRATCH_POOLS, drop_path=DROP_PATH)
    return fit_network(request, task, model, keep)


def finetuned(request: Request, task: ObjectTask, keep: Path | None) -> Judged:
    """A pretrained encoder with a new head, both trained."""
    torch.manual_seed(request.seed)
    model = EncoderClassifier(request.encoder(), task.num_classes, request.pools, drop_path=DROP_PATH)
    return fit_network(request, task, model, keep)


def fit_network(request: Request, task: ObjectTask, model: torch.nn.Module, keep: Path | None) -> Judged:
    """As the request's recipe says."""
    sizes = dict(seed=request.seed, workers=request.workers, keep=keep)
    return network(task, model, request.fed, request.recipe, request.device, **sizes)


def on_features(request: Request, task: ObjectTask) -> Judged:
    """A classifier, or a head, on features of a frozen encoder."""
    encoder = request.encoder()

    def features(which: str, fed: ObjectInput, views: int) -> Tensor:
        objects, rows = getattr(task, which), getattr(task, f'{which}_rows')
        more = dict(views=views, seed=request.seed if views > 1 else 0, workers=request.workers)
        return encoder_features(encoder, objects, rows, fed, request.pools, request.device, **more)

    if request.how in CLASSIFIERS:
        found = [unit_rows(features(which, request.fed.plain, 1)[0]) for which in ('train', 'scored')]
        return CLASSIFIERS[request.how](task.labelled(*found))
    train = features('train', request.fed, request.content['views'])
    scored = features('scored', request.fed.plain, 1)[0]
    return head_on_features(task, train, scored, hidden_of(request), request.recipe, seed=request.seed)


def on_descriptors(request: Request, task: ObjectTask) -> Judged:
    """The same on shape descriptors; beside an SVM the best of several classifiers, chosen on held-out objects."""
    with_size = request.kind == 'described_size'
    train, scored = standardised(
        described(task.train, task.train_rows, request.fed, with_size=with_size),
        described(task.scored, task.scored_rows, request.fed, with_size=with_size),
    )
    if request.how in CLASSIFIERS:
        return CLASSIFIERS[request.how](task.labelled(train, scored))
    return head_on_features(task, train[None], scored, hidden_of(request), request.recipe, seed=request.seed)


def hidden_of(request: Request) -> tuple[int, ...]:
    """Of the head: that of the linear protocol has none, every other one is MLP-3."""
    return HEADS.get(request.how, HIDDEN)


def few_shot(request: Request) -> dict[str, Any]:
    """Accuracy of every draw of one way and shot."""
    count, found = request.content['draws'], []
    for draw in range(count):
        task = few_shot_task(request.content, draw)
        found.append(100 * accuracy(judge(request, task).last, task.scored_labels))
        print(f'draw [{draw + 1}/{count}]: {found[-1]:.1f} %', flush=True)
    return {'draws': found}


def few_shot_task(content: Mapping[str, Any], draw: int) -> ObjectTask:
    """A task that lies there, drawn by others, or one that is drawn of the whole set."""
    folder = Path(content['root'], content['folder'], str(draw))
    if content['has_tasks']:
        return task_of(folder, 'test', percent=100, share_seed=0, held_out_percent=0)
    train, rows, scored, scored_rows = drawn_from = scored_parts(content['root'], content['split'])
    sizes = {key: content[key] for key in ('way', 'shot', 'queries')}
    key = (content['share_seed'], content['way'], content['shot'], draw)
    return task_of_episode(drawn_from, draw_episode(train.labels[rows], scored.labels[scored_rows], key=key, **sizes))


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer the request of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('request', type=Path)
    parser.add_argument('--out', type=Path, required=True)
    args = parser.parse_args(arguments)
    init_default_scope('mmdet3d')
    request = Request(read_json(args.request), args.request.parent)
    write_json(args.out, nan_to_none(answer(request)))
    (request.folder / KEEP).unlink(missing_ok=True)


if __name__ == '__main__':
    run_tool(main)
