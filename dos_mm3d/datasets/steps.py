"""Whether the steps of a pretraining pipeline fit one another, which would otherwise show at the first sample."""

from collections.abc import Callable, Sequence

from ..errors import InputError

SAMPLE = 'a sample'
"""What models take. Steps say in `TAKES` and `GIVES` what they start from and make: 'points', 'views', 'masked views'
or this; those of a user's own need not."""


def check_steps(steps: Sequence[Callable], *, whole: bool = False) -> None:
    """InputError for a step that cannot use what those before it make.

    whole: also where the last one makes nothing that a model takes.
    """
    made: str | None = 'points'
    for number, step in enumerate(steps):
        name = f'pipeline.{number} ({type(step).__name__})'
        if type(step).__module__.startswith('mmdet3d.'):
            raise InputError(
                f"{name}: is a step for the points of mmdet3d's labelled data sets; pretraining has its own, TwoViews "
                'above all (docs/method.md, "Views and masks")'
            )
        takes = getattr(step, 'TAKES', made)
        if made is not None and takes != made:
            raise InputError(f'{name}: takes {takes}, and here are {made}; {ORDER}')
        made = getattr(step, 'GIVES', None)
    if whole and made not in (SAMPLE, None):
        raise InputError(f'pipeline: ends with {made}, and a model takes a sample; {ORDER}')


ORDER = 'wanted TwoViews, BlockMask, PackViews in this order, or DrawObjectCrops alone, as in configs/_base_'
