"""Groups of features that are alike, the same ones in all sweeps."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

ROUNDS = 20


def feature_clusters(directions: NDArray[np.floating], count: int, *, seed: int = 0) -> NDArray[np.int64]:
    """(M, W) directions of all places together -> (M,) cluster of each by k-means, the largest one 0.

    count: clusters, at most; there are fewer where fewer places differ. Directions have length 1, so that near ones
    have large cosines. ValueError for no place or no cluster.
    """
    if not len(directions) or count < 1:
        raise ValueError(f'wanted places and a cluster or more, got {len(directions)} and {count}')
    distinct = len({row.tobytes() for row in directions})
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'One of the clusters is empty')  # it is left out below
        _, found = kmeans2(np.float64(directions), min(count, distinct), ROUNDS, minit='++', rng=seed)
    numbers, of_place, sizes = np.unique(found, return_inverse=True, return_counts=True)
    rank = np.empty(len(numbers), np.int64)
    rank[np.argsort(-sizes, kind='stable')] = np.arange(len(numbers))
    return rank[of_place]
