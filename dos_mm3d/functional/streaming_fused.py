"""The passes of streaming_passes.py by the Triton kernels of softmap_kernels.py: the same numbers, up to rounding.

Chosen on CUDA where Triton is there (:func:`can_fuse`); DOS_SOFTMAP=torch keeps the torch form. Block sizes are not
tuned: nothing here has been run on a GPU, tests run the kernels in Triton's interpreter.
"""

import os
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from .streaming_blocks import BlockLogits, ColumnLogSumExp

SPLIT = 16
"""Programs that share the rows of a block of columns; each holds its own sums."""
WIDEST = 256
"""Channels D that a program can hold of a row's or a prototype's gradient."""
BLOCKS = dict(BN=64, BK=64, BD=32)


def can_fuse(logits: BlockLogits) -> bool:
    """Whether the kernels compute what is asked for: float32 sums on CUDA, at most WIDEST channels, Triton 3 or newer.

    InputError for a DOS_SOFTMAP that is neither 'torch' nor empty.
    """
    asked = os.environ.get('DOS_SOFTMAP', '')
    if asked not in ('', 'torch'):
        raise InputError(f"DOS_SOFTMAP={asked}: wanted 'torch', or nothing for Triton's kernels where they can be used")
    fits = logits.precision.work == torch.float32 and logits.features.shape[1] <= WIDEST
    return not asked and fits and logits.features.device.type == 'cuda' and has_triton()


@cache
def has_triton() -> bool:
    """Whether there is a Triton that knows the precision of products, as from version 3 on."""
    return find_spec('triton') is not None and int(import_module('triton').__version__.split('.')[0]) >= 3


def row_normalisers(maps: Any, potential: Tensor) -> Tensor:
    """(N,) what is taken from the teacher's logits + potential to make them log p; maps: Softmaps."""
    teacher, features = maps.teacher, maps.teacher.features
    out = torch.zeros(len(features), dtype=torch.float32, device=features.device)
    if maps.log_prior is not None and len(features):
        _kernel('row_logsumexp')[_row_blocks(features)](
            features.contiguous(), teacher.prototypes.contiguous(), potential, out, len(features),
            1 / teacher.temperature, **_shapes(teacher),
        )  # fmt: skip
    return out


def target_columns(maps: Any, potential: Tensor) -> ColumnLogSumExp:
    """Of log p over the points of this rank, p of the potential (K,)."""
    top, sums = _partial_sums(maps, 2)
    _kernel('column_logsumexp')[_column_blocks(maps)](
        *_teacher(maps, potential), top, sums, len(maps.teacher.features), 1 / maps.teacher.temperature, SPLIT,
        **_shapes(maps.teacher),
    )  # fmt: skip
    return ColumnLogSumExp.of_parts(top, *sums)


def compared_columns(maps: Any, potential: Tensor) -> tuple[ColumnLogSumExp, Tensor]:
    """Of the student's logits, and (3, K) float64 sums of p, of p log p and of p times these, over this rank."""
    top, sums = _partial_sums(maps, 5)
    _kernel('compare')[_column_blocks(maps)](
        *_teacher(maps, potential), *_student(maps), top, sums, len(maps.student.features),
        1 / maps.teacher.temperature, 1 / maps.student.temperature, SPLIT, **_shapes(maps.student),
    )  # fmt: skip
    return ColumnLogSumExp.of_parts(top, *sums[:2]), sums[2:].sum(1)


def add_gradients(maps: Any, columns: Any, factor: Tensor, features: Tensor | None, prototypes: Tensor | None) -> None:
    """As in streaming_passes.py, the factor already divided by the temperature; columns: Columns."""
    student, num_points = maps.student, len(maps.student.features)
    if not num_points:
        return
    num_prototypes, width = student.prototypes.shape
    inputs = (
        *_teacher(maps, columns.potential), *_student(maps), columns.mass, columns.log_total,
        factor.to(torch.float32).reshape(1),
    )  # fmt: skip
    sizes = num_points, 1 / maps.teacher.temperature, 1 / student.temperature, max(16, 1 << (width - 1).bit_length())
    if features is not None:
        _kernel('feature_gradient')[_row_blocks(features)](*inputs, features, *sizes, **_shapes(student))
    if prototypes is not None:
        parts = prototypes.new_empty(SPLIT, num_prototypes, width, dtype=torch.float32)
        _kernel('prototype_gradient')[_column_blocks(maps)](*inputs, parts, *sizes, SPLIT, **_shapes(student))
        prototypes += parts.sum(0, dtype=torch.float64)


def _kernel(name: str) -> Any:
    return getattr(import_module('.softmap_kernels', __package__), name)


def _shapes(logits: BlockLogits) -> dict[str, Any]:
    """What kernels are compiled for."""
    num_prototypes, width = logits.prototypes.shape
    tf32 = logits.features.device.type == 'cuda' and torch.backends.cuda.matmul.allow_tf32
    return dict(K=num_prototypes, D=width, PRECISION='tf32' if tf32 else 'ieee', **BLOCKS)


def _row_blocks(rows: Tensor) -> tuple[int]:
    return (-(-len(rows) // BLOCKS['BN']),)


def _column_blocks(maps: Any) -> tuple[int, int]:
    return -(-len(maps.student.prototypes) // BLOCKS['BK']), SPLIT


def _student(maps: Any) -> tuple[Tensor, Tensor]:
    return maps.student.features.contiguous(), maps.student.prototypes.contiguous()


def _teacher(maps: Any, potential: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    teacher = maps.teacher
    rows = row_normalisers(maps, potential)
    return teacher.features.contiguous(), teacher.prototypes.contiguous(), potential.contiguous(), rows


def _partial_sums(maps: Any, count: int) -> tuple[Tensor, Tensor]:
    """(SPLIT, K) float32 tops and (count, SPLIT, K) float64 sums, to be written."""
    like = maps.zeros
    return like.new_empty(SPLIT, len(like)), like.new_empty(count, SPLIT, len(like), dtype=torch.float64)
