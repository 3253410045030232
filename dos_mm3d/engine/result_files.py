"""Whether the files that metrics write at the end of a test can be written, asked before it begins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..files import check_writable

RESULTS = ('jsonfile_prefix', 'pklfile_prefix', 'submission_prefix', 'result_prefix', 'out_file')
"""Settings of mmdet3d's metrics, and of ours, that name what they write; all but the last are beginnings of names."""


def check_result_files(loader: str, metrics: Sequence[Mapping[str, Any]]) -> None:
    """InputError where results are to be written, and cannot, or where nothing else is to be done and no name is given.

    Args:
        loader: 'val' or 'test', for messages.
        metrics: of its evaluator.
    """
    for metric in metrics:
        named = {key: metric[key] for key in RESULTS if metric.get(key)}
        if metric.get('format_only') and not named:
            raise InputError(
                f'{loader}_evaluator.format_only=True of {metric.get("type")} writes results and names no file for '
                f'them: add {loader}_evaluator.jsonfile_prefix=FOLDER/NAME (submission_prefix for segmentation)'
            )
        for key, prefix in named.items():
            check_writable(Path(prefix).expanduser().parent, f'Correct {loader}_evaluator.{key}, or free some space')
