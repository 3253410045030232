"""Multinomial logistic regression on standardised channels, with one recipe for all who fit a linear layer."""

from dataclasses import dataclass

import torch
from torch import Tensor

MOMENT_CHANNELS = 64  # at once in float64: all would be several times the features


@dataclass(frozen=True)
class ProbeRecipe:
    """How one linear layer is fitted, alike for every row of the table.

    The values are the best mean over raw, hand-crafted, random + raw, DOS and DOS + raw on the validation scenes of the
    embedded data set, among class_balance 0, 0.5, 1, weight_decay 1e-5 .. 1e-2 and max_iter 60, 200; then fixed.

    Args:
        class_balance: a class that holds the share p of the training points weighs p ** -class_balance per point
            (0 plain cross entropy, 1 all classes alike).
        weight_decay: factor of the squared weights in the loss (the bias is free).
        max_iter: iterations of L-BFGS, which runs over all training points at once.
    """

    class_balance: float = 0.5
    weight_decay: float = 1e-3
    max_iter: int = 60


@dataclass(frozen=True)
class LinearLayer:
    """A fitted layer in terms of the raw, not the standardised, channels: logits = features @ weight + bias.

    Args:
        weight: (C, n_classes) float32.
        bias: (n_classes,) float32.
    """

    weight: Tensor
    bias: Tensor


def fit_linear(
    features: Tensor, labels: Tensor, point_weights: Tensor, *, n_classes: int, recipe: ProbeRecipe
) -> LinearLayer:
    """Multinomial logistic regression of labels (n,) int64 in [0, n_classes) on features (n, C).

    point_weights: (n,) how many points of the scans each training point stands for. Channels are standardised by the
    weighted mean and sd of these points; a constant channel is left out by a scale of one. Classes that do not occur
    get a bias of -inf, so that they are never predicted.
    """
    mean, sd = weighted_moments(features, point_weights)
    standard = (features - mean) / sd
    importance = balance(labels, point_weights, n_classes=n_classes, exponent=recipe.class_balance)
    weight, bias = _lbfgs(standard, labels, importance, n_classes, recipe)
    weight = weight / sd[:, None]
    bias = bias - mean @ weight
    absent = torch.bincount(labels, minlength=n_classes) == 0
    return LinearLayer(weight, bias.masked_fill(absent, -torch.inf))


def weighted_moments(features: Tensor, point_weights: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population sd per channel, (C,) each, in float64 and back; an sd of (nearly) zero becomes one."""
    share = (point_weights.double() / point_weights.double().sum())[:, None]
    moments = []
    for values in features.split(MOMENT_CHANNELS, dim=1):
        values = values.double()
        mean = (share * values).sum(0)
        moments.append(torch.stack((mean, (share * (values - mean).square()).sum(0).sqrt())))
    mean, sd = torch.cat(moments, dim=1)
    constant = sd <= 1e-6 * (1 + mean.abs())
    return mean.to(features.dtype), torch.where(constant, torch.ones_like(sd), sd).to(features.dtype)


def balance(labels: Tensor, point_weights: Tensor, *, n_classes: int, exponent: float) -> Tensor:
    """(n,) weights that sum to one, each class's total raised to 1 - exponent."""
    total = torch.zeros(n_classes, dtype=point_weights.dtype).index_add_(0, labels, point_weights)
    weights = point_weights * (total / total.sum()).clamp_min(1e-12)[labels] ** -exponent
    return weights / weights.sum()


def _lbfgs(standard: Tensor, labels: Tensor, importance: Tensor, n_classes: int, recipe: ProbeRecipe):
    """Minimise weighted cross entropy + decay; returns weight (C, k) and bias (k,). Convex: the start is irrelevant."""
    design = torch.cat((standard, standard.new_ones(len(standard), 1)), dim=1)
    parameters = design.new_zeros(design.shape[1], n_classes, requires_grad=True)
    decay = design.new_full((design.shape[1], 1), recipe.weight_decay)
    decay[-1] = 0
    optimiser = torch.optim.LBFGS(
        [parameters], max_iter=recipe.max_iter, history_size=10, line_search_fn='strong_wolfe', tolerance_change=1e-7
    )

    def closure() -> Tensor:
        log_p = (design @ parameters.detach()).log_softmax(1)
        loss = -(importance * log_p.gather(1, labels[:, None])[:, 0]).sum() + (decay * parameters.detach() ** 2).sum()
        residual = log_p.exp_()
        residual[torch.arange(len(labels)), labels] -= 1
        # written out (softmax - one-hot): half the time of autograd
        parameters.grad = design.T @ (residual * importance[:, None]) + 2 * decay * parameters.detach()
        return loss

    optimiser.step(closure)
    weight = parameters.detach()
    return weight[:-1].clone(), weight[-1].clone()


def choose_points(labels: Tensor, *, per_class: int, ignored: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """At most `per_class` points of every class but `ignored`; returns their numbers (p,) and weights (p,) float32.

    The weights of a class sum to the number of its points.
    """
    order = torch.randperm(len(labels), generator=generator)
    chosen, weights = [], []
    for label in labels.unique().tolist():
        if label == ignored:
            continue
        members = order[labels[order] == label]
        kept = members[:per_class]
        chosen.append(kept)
        weights.append(torch.full((len(kept),), len(members) / len(kept)))
    if not chosen:
        return order[:0], torch.zeros(0)
    return torch.cat(chosen), torch.cat(weights)
