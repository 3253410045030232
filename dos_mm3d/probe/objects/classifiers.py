"""Classifiers on fixed features, each with a setting that is given and one that is chosen on held-out objects."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

COSTS = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3, 1e4)
"""C of the SVM that is chosen; scikit-learn's default is 1."""
NEIGHBOURS = (1, 3, 5, 10, 20)
GIVEN_NEIGHBOURS = 5

Features, Labels = NDArray[np.float64], NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """Predictions of a classifier on what is scored.

    Args:
        last: with the setting that is given; for a network after the last pass.
        best: with the one that was best on held-out objects; None: nothing was held out.
        facts: the chosen setting, its score there, what did not converge.
    """

    last: Labels | None
    best: Labels | None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def states(self) -> dict[str, NDArray]:
        """Those of `last` and `best` that there are."""
        return {name: found for name in ('last', 'best') if (found := getattr(self, name)) is not None}


@dataclass(frozen=True)
class Labelled:
    """Features with labels: all that may be fitted on, which of them stay and which are held out, and what is scored.

    Args:
        train: (N, C).
        labels: (N,).
        stay, out: rows of `train`; no `out` where nothing is chosen.
        scored: (M, C).
    """

    train: Features
    labels: Labels
    stay: NDArray[np.int64]
    out: NDArray[np.int64]
    scored: Features


def svm(given: Labelled) -> Judged:
    """scikit-learn's LinearSVC: its defaults, and with the C of COSTS that is best on what is held out, fitted again on
    all labelled objects."""
    return _judged(given, {f'C={cost:g}': lambda cost=cost: LinearSVC(C=cost, random_state=0) for cost in COSTS}, 'C=1')


def knn(given: Labelled) -> Judged:
    """Majority of the nearest by cosine, a tie goes to the lower label: of 5, and of the number of NEIGHBOURS that is
    best on what is held out."""
    makers = {f'k={k}': lambda k=k: KNeighborsClassifier(k, metric='cosine') for k in NEIGHBOURS}
    return _judged(given, makers, f'k={GIVEN_NEIGHBOURS}')


def best_of_all(given: Labelled) -> Judged:
    """The best on what is held out of linear and kernel SVMs, nearest neighbours and a random forest: for features that
    a linear layer does not suit. There is no setting that is given."""
    makers: dict[str, Callable[[], Any]] = {
        **{f'LinearSVC C={cost:g}': lambda cost=cost: LinearSVC(C=cost, random_state=0) for cost in COSTS},
        **{f'SVC rbf C={cost:g}': lambda cost=cost: SVC(C=cost) for cost in (1, 10, 100)},
        **{f'kNN k={k}': lambda k=k: KNeighborsClassifier(k) for k in (1, 5)},
        'random forest': lambda: RandomForestClassifier(200, random_state=0),
    }
    return _judged(given, makers, None)


def _judged(given: Labelled, makers: Mapping[str, Callable[[], Any]], setting: str | None) -> Judged:
    """Fit with the given setting and with the chosen one; settings are compared in their order, the first best wins."""
    facts: dict[str, Any] = {'not_converged': []}

    def predict(name: str, rows: NDArray | slice, features: Features) -> Labels:
        k = int(name.rpartition('k=')[2]) if 'k=' in name else 0
        train, labels = given.train[rows], given.labels[rows]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter('always', ConvergenceWarning)
            model = makers[name]()
            if k > len(train):
                model.set_params(n_neighbors=len(train))
            found = model.fit(train, labels).predict(features)
        if any(issubclass(one.category, ConvergenceWarning) for one in caught):
            facts['not_converged'].append(name)
        return found

    last = None if setting is None else predict(setting, slice(None), given.scored)
    best = None
    if len(given.out):
        truth = given.labels[given.out]
        scores = {name: float((predict(name, given.stay, given.train[given.out]) == truth).mean()) for name in makers}
        chosen = max(scores, key=scores.__getitem__)
        facts |= {'chosen': chosen, 'held_out_accuracy': {name: round(100 * s, 2) for name, s in scores.items()}}
        best = last if chosen == setting else predict(chosen, slice(None), given.scored)
    facts['not_converged'] = sorted(set(facts['not_converged']))
    return Judged(last, best, facts)
