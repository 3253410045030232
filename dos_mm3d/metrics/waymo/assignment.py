"""Hungarian matching within the shards of each frame, at every score cutoff, and what it counts.

All compiled code stays in this file: numba's disk cache notices changes of this file only.

The official evaluator fills a square matrix of n = max(predictions, ground truths) rows and columns with quantised
IoUs, 0 where the threshold is not reached, and finds an assignment of largest sum by Kuhn and Munkres' algorithm.
Where several have that sum, the one that it ends with decides which ground truth counts as missed and which heading as
right; so its order of steps is kept: rows in order, breadth first, columns in order. What is not kept is the matrix.
Labels (dual variables) are never negative, so a zero entry is tight only where the labels of its row and of its column
are both 0, and a free column's label always is 0: once a row of label 0 is in the tree, the search ends in the first
free column. Only the few entries above the threshold are ever read.
"""

import numpy as np
from numba import njit

N_COUNTS = 5  # true and false positives, misses of LEVEL_1, misses of LEVEL_2, heading accuracy of the true positives
_ANY_FREE = -1  # in a queue of columns: the first free one, over a zero entry


@njit(cache=True, nogil=True)
def assign(rows, edges, n_columns):
    """An assignment of largest sum: for each of `rows` (R,) its column, of any weight, in [0, max(R, n_columns)).

    edges: starts (all rows + 1,), columns (E,), weights (E,) int64: row r has the entries starts[r] to
    starts[r + 1] - 1, ascending columns in [0, n_columns), positive weights. All other entries weigh 0.
    """
    size = max(len(rows), n_columns)
    labels = (_largest_weights(rows, edges), np.zeros(size, np.int64))
    row_column, column_row = np.full(len(rows), -1), np.full(size, -1)
    tree, parent, seen = np.empty(len(rows), np.int64), np.empty(size, np.int64), np.full(size, -1)
    queue = np.empty((2, len(edges[1]) + len(rows)), np.int64)
    first_free = 0
    for root in range(len(rows)):
        while column_row[first_free] >= 0:
            first_free += 1
        column = _search(root, first_free, rows, edges, labels, column_row, tree, parent, seen, queue)
        while column >= 0:  # up to the root: every row of the path takes the column that it was reached from
            row = tree[parent[column]]
            freed = row_column[row]
            column_row[column], row_column[row] = row, column
            column = freed
    return row_column


@njit(cache=True, nogil=True)
def _search(root, first_free, rows, edges, labels, column_row, tree, parent, seen, queue):
    """Grow the tree of tight entries from an unassigned row until it reaches a free column, which is returned.

    tree: its rows, by position in `rows`. parent: the place in `tree` that a column was reached from. seen: the root
    whose tree a column was last in. queue (2, ...): columns to visit, and their parents.
    """
    tree[0], in_tree = root, 1
    at, queued = 0, _queue_tight(0, root, rows, edges, labels, queue, 0)
    while True:
        while at < queued and queue[0, at] != _ANY_FREE and seen[queue[0, at]] == root:
            at += 1
        if at == queued:
            _lower_labels(root, tree[:in_tree], rows, edges, labels, seen)
            at, queued = 0, 0
            for s in range(in_tree):
                queued = _queue_tight(s, tree[s], rows, edges, labels, queue, queued)
            continue
        column = first_free if queue[0, at] == _ANY_FREE else queue[0, at]
        parent[column], seen[column] = queue[1, at], root
        if column_row[column] < 0:
            return column
        tree[in_tree] = column_row[column]
        queued = _queue_tight(in_tree, tree[in_tree], rows, edges, labels, queue, queued)
        in_tree += 1


@njit(cache=True, nogil=True)
def _queue_tight(place, row, rows, edges, labels, queue, queued):
    """Queue the columns of a row whose entries are tight, with the row's place in the tree; returns the new length."""
    starts, columns, weights = edges
    for e in range(starts[rows[row]], starts[rows[row] + 1]):
        if labels[0][row] + labels[1][columns[e]] == weights[e]:
            queue[0, queued], queue[1, queued] = columns[e], place
            queued += 1
    if labels[0][row] == 0:
        queue[0, queued], queue[1, queued] = _ANY_FREE, place
        queued += 1
    return queued


@njit(cache=True, nogil=True)
def _lower_labels(root, tree, rows, edges, labels, seen):
    """Lower the tree's rows and raise its columns by the same, until one more entry is tight."""
    starts, columns, weights = edges
    step = labels[0][tree[0]]
    for row in tree:
        step = min(step, labels[0][row])  # a zero entry in a free column
        for e in range(starts[rows[row]], starts[rows[row] + 1]):
            if seen[columns[e]] != root:
                step = min(step, labels[0][row] + labels[1][columns[e]] - weights[e])
    for row in tree:
        labels[0][row] -= step
    for column in range(len(seen)):
        if seen[column] == root:
            labels[1][column] += step


@njit(cache=True, nogil=True)
def _largest_weights(rows, edges):
    """The largest weight of each of `rows` (R,), 0 for one without entries."""
    starts, _, weights = edges
    out = np.zeros(len(rows), np.int64)
    for r in range(len(rows)):
        for e in range(starts[rows[r]], starts[rows[r] + 1]):
            out[r] = max(out[r], weights[e])
    return out


@njit(cache=True, nogil=True)
def count_matches(first, last, n_cutoffs, predictions, truths, pairs, n_shards):
    """Counts (shards, cutoffs, N_COUNTS) float64, summed over the frames first to last - 1.

    predictions: starts (F + 1,), shards (N, 2), number of cutoffs that the score reaches (N,), in a no-label zone (N,).
    truths: starts (F + 1,), shards (M, 2), difficulty (M,).
    pairs: starts by prediction (N + 1,), ground truth (E,), quantised IoU (E,), heading accuracy (E,).
    """
    out = np.zeros((n_shards, n_cutoffs, N_COUNTS))
    for frame in range(first, last):
        for shard in range(n_shards):
            rows = _members(predictions[0][frame], predictions[0][frame + 1], predictions[1], shard)
            columns = _members(truths[0][frame], truths[0][frame + 1], truths[1], shard)
            if len(rows) + len(columns) > 0:
                edges, accuracy = _edges_between(rows, columns, pairs)
                _count_shard(
                    predictions[2][rows], predictions[3][rows], truths[2][columns], edges, accuracy, out[shard]
                )
    return out


@njit(cache=True, nogil=True)
def _members(first, last, shards, shard):
    """Which of the boxes first to last - 1 lie in a shard, in order."""
    of_frame = shards[first:last]
    return first + np.flatnonzero((of_frame[:, 0] == shard) | (of_frame[:, 1] == shard))


@njit(cache=True, nogil=True)
def _edges_between(rows, columns, pairs):
    """The entries of `assign` between these predictions and ground truths (both ascending), and heading accuracies."""
    pair_starts, pair_truth, pair_weight, pair_accuracy = pairs
    room = (pair_starts[rows + 1] - pair_starts[rows]).sum()
    starts = np.zeros(len(rows) + 1, np.int64)
    column, weight, accuracy = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    count = 0
    for r in range(len(rows)):
        for e in range(pair_starts[rows[r]], pair_starts[rows[r] + 1]):
            position = np.searchsorted(columns, pair_truth[e])
            if position < len(columns) and columns[position] == pair_truth[e]:
                column[count], weight[count], accuracy[count] = position, pair_weight[e], pair_accuracy[e]
                count += 1
        starts[r + 1] = count
    return (starts, column[:count], weight[:count]), accuracy[:count]


@njit(cache=True, nogil=True)
def _count_shard(reached, in_zone, difficulty, edges, accuracy, out):
    """Add what each cutoff counts to out (cutoffs, N_COUNTS).

    A cutoff k is met by the predictions with reached > k. Those that meet it are matched among themselves, so where a
    cutoff lets more of them in, the matching is made anew.
    """
    active = 0
    counts = _count(np.empty(0, np.int64), in_zone, difficulty, edges, accuracy)
    for cutoff in range(len(out) - 1, -1, -1):
        rows = np.flatnonzero(reached > cutoff)
        if len(rows) > active:
            active = len(rows)
            counts = _count(rows, in_zone, difficulty, edges, accuracy)
        for k in range(N_COUNTS):
            out[cutoff, k] += counts[k]


@njit(cache=True, nogil=True)
def _count(rows, in_zone, difficulty, edges, accuracy):
    """N_COUNTS of one matching. A ground truth of LEVEL_2 that is found is a true positive of LEVEL_1 too."""
    starts, columns, _ = edges
    counts = np.zeros(N_COUNTS)
    for level in difficulty:
        counts[2] += level <= 1
        counts[3] += 1
    assigned = assign(rows, edges, len(difficulty)) if len(columns) > 0 else np.full(len(rows), -1)
    for r in range(len(rows)):
        hit = -1
        for e in range(starts[rows[r]], starts[rows[r] + 1]):
            if columns[e] == assigned[r]:
                hit = e
        if hit >= 0:
            counts[0] += 1
            counts[2] -= difficulty[columns[hit]] <= 1
            counts[3] -= 1
            counts[4] += accuracy[hit]
        elif not in_zone[rows[r]]:
            counts[1] += 1
    return counts
