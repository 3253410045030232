"""Training of networks over objects: schedules, passes, the last state and the best one on held-out objects."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...checkpoint_file import load_checkpoint_file
from ...files import open_whole
from ...functional.schedules import cosine_ramp, linear_warmup
from ...progress import progress_bar

Batch = tuple[Any, Tensor]
"""What the model is called with, and the labels."""


@dataclass(frozen=True)
class Stage:
    """A part of a training with an optimiser of its own.

    Args:
        epochs: passes over the labelled objects.
        lr: learning rate after warm-up.
        lr_end: at the end.
        warmup_epochs: from `lr_start` to `lr`.
        lr_start: at the first step.
        straight: from `lr` to `lr_end` along a line, not along half a cosine.
        frozen: only the head is trained.
    """

    epochs: int
    lr: float
    lr_end: float
    warmup_epochs: int = 0
    lr_start: float = 0.0
    straight: bool = False
    frozen: bool = False

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step of this stage's `steps`."""
        warmup = steps * self.warmup_epochs // self.epochs
        if step < warmup:
            return linear_warmup(step, warmup, self.lr_start, self.lr)
        if self.straight:
            return linear_warmup(step - warmup, max(steps - 1 - warmup, 1), self.lr, self.lr_end)
        return cosine_ramp(step - warmup, steps - warmup, self.lr, self.lr_end)


@dataclass(frozen=True)
class FitRecipe:
    """How a network is trained.

    Args:
        stages: one after the other.
        batch_size: clouds of a step; batches of a pass differ in size by one at most.
        weight_decay: of AdamW, on all parameters.
        label_smoothing: of the cross-entropy.
    """

    stages: tuple[Stage, ...]
    batch_size: int = 32
    weight_decay: float = 0.05
    label_smoothing: float = 0.2

    @property
    def epochs(self) -> int:
        """Of all stages."""
        return sum(stage.epochs for stage in self.stages)

    def in_epochs(self, epochs: int | None) -> 'FitRecipe':
        """The same, shortened or lengthened in proportion, warm-up included; every stage keeps one pass at least."""
        if epochs is None:
            return self
        factor = epochs / self.epochs
        stages = tuple(
            replace(
                stage,
                epochs=max(1, round(stage.epochs * factor)),
                warmup_epochs=min(round(stage.warmup_epochs * factor), max(1, round(stage.epochs * factor)) - 1),
            )
            for stage in self.stages
        )
        return replace(self, stages=stages)

    def at_rate(self, lr: float | None) -> 'FitRecipe':
        """The same with another learning rate in the stages that train the whole network."""
        if lr is None:
            return self
        return replace(self, stages=tuple(s if s.frozen else replace(s, lr=lr) for s in self.stages))


@dataclass(frozen=True)
class Fitted:
    """What came of a training.

    Args:
        last: state of the model after the last pass.
        best: after the pass that was best on what is held out, the first of several; None: nothing is held out.
        history: score on what is held out after every pass.
    """

    last: dict[str, Tensor]
    best: dict[str, Tensor] | None
    history: list[float]

    @property
    def best_epoch(self) -> int | None:
        """Passes after which the best state was taken."""
        return None if self.best is None else int(np.argmax(self.history)) + 1


def batches_of(count: int, batch_size: int, key: Sequence[int]) -> list[list[int]]:
    """A random order of positions in batches of nearly one size; none has a single position, where there are more."""
    order = np.random.default_rng([3, *key]).permutation(count)
    return [part.tolist() for part in np.array_split(order, max(1, min(-(-count // batch_size), count // 2)))]


def fit(
    model: nn.Module,
    passes: Callable[[int, list[list[int]]], Iterator[Batch]],
    count: int,
    recipe: FitRecipe,
    *,
    seed: int,
    validate: Callable[[nn.Module], float] | None = None,
    keep: Path | None = None,
) -> Fitted:
    """Train a model, which is called with a batch's input and gives logits (..., classes).

    Random numbers of a pass are a function of (seed, pass), so that a training that goes on is the one that was not
    interrupted.

    Args:
        model: on its device; `model.encoder`, if there is one, is what a frozen stage leaves as it is.
        passes: (number of the pass, positions of its batches) -> batches.
        count: labelled objects.
        recipe: stages, batch size.
        seed: of order, dropout and drop path.
        validate: model in eval mode -> score on what is held out, the larger the better.
        keep: a file for what an interrupted training goes on from.
    """
    state = Progress(model, keep)
    bar = progress_bar(title='fit', total=recipe.epochs, initial=state.epoch, unit='pass')
    first = 0
    for stage in recipe.stages:
        if state.epoch < first + stage.epochs:
            optimizer = _optimizer(model, stage, recipe, state, begun=state.epoch > first)
            for epoch in range(state.epoch, first + stage.epochs):
                _one_pass(model, optimizer, stage, epoch - first, epoch, passes, count, recipe, seed)
                state.after_pass(optimizer, None if validate is None else validate(model.eval()))
                bar.update()
        first += stage.epochs
    bar.close()
    return Fitted(_copy(model), state.best, state.history)


def _one_pass(model, optimizer, stage, number, epoch, passes, count, recipe, seed) -> None:
    """Pass `number` of a stage, `epoch` of the training."""
    torch.manual_seed(seed * 1_000_003 + epoch)
    batches = batches_of(count, recipe.batch_size, (seed, epoch))
    model.train()
    if stage.frozen and hasattr(model, 'encoder'):
        model.encoder.eval()
    steps = stage.epochs * len(batches)
    for step, (inputs, labels) in enumerate(passes(epoch, batches), start=number * len(batches)):
        for group in optimizer.param_groups:
            group['lr'] = stage.rate(step, steps)
        device = labels.device.type
        with torch.autocast(device, torch.bfloat16, enabled=device == 'cuda'):
            logits = model(*inputs)
        loss = F.cross_entropy(logits.float().flatten(0, -2), labels.flatten(), label_smoothing=recipe.label_smoothing)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


def _optimizer(model, stage: Stage, recipe: FitRecipe, state: 'Progress', *, begun: bool) -> torch.optim.Optimizer:
    """Of a stage, with its moments where the stage had begun before."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not (stage.frozen and name.startswith('encoder.')))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=stage.lr, weight_decay=recipe.weight_decay)
    if begun:
        optimizer.load_state_dict(state.optimizer)
    return optimizer


class Progress:
    """Where a training is, in memory and, if wanted, in a file.

    Args:
        model: what is trained; its tensors become those of the file, where there is one.
        keep: the file, None for none.
    """

    def __init__(self, model: nn.Module, keep: Path | None) -> None:
        self.model, self.keep = model, keep
        self.epoch, self.history = 0, []
        self.best: dict[str, Tensor] | None = None
        self.optimizer: dict[str, Any] | None = None
        if keep is not None and keep.is_file():
            found = load_checkpoint_file(keep)
            model.load_state_dict(found['model'])
            self.epoch, self.history, self.best = found['epoch'], found['history'], found['best']
            self.optimizer = found['optimizer']

    def after_pass(self, optimizer: torch.optim.Optimizer, score: float | None) -> None:
        """Remember the state of the model, its best one, and write both."""
        self.epoch += 1
        if score is not None:
            if score > max(self.history, default=-float('inf')):
                self.best = _copy(self.model)
            self.history.append(score)
        if self.keep is not None:
            content = dict(model=_copy(self.model), optimizer=optimizer.state_dict(), best=self.best)
            with open_whole(self.keep) as file:
                torch.save({**content, 'epoch': self.epoch, 'history': self.history}, file)


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: copy.deepcopy(value.detach().cpu()) for name, value in model.state_dict().items()}
