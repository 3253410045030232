"""Pretraining on SemanticKITTI's scans, without labels."""

import os
from collections.abc import Sequence

from mmdet3d.registry import DATASETS

from ...errors import InputError, MissingFileError
from ..folder import FolderSweeps, find_sweeps
from .classes import SPLITS


@DATASETS.register_module()
class SemanticKittiSweeps(FolderSweeps):
    """Every scan of some sequences, as (N, 4) float32: x, y, z in metres, remission 0-1.

    Labels are not needed. MissingFileError where a sequence has no scan.

    Args:
        data_root: the folder that holds sequences/.
        sequences: official numbers, by default those of the training split. 11 to 21 may be added, as their scans are
            public; 8 is what results are reported on.
        pipeline: transforms of a sample.
        on_bad_file: 'error' or 'skip', see :class:`SweepStream`.
    """

    def __init__(
        self,
        data_root: str,
        sequences: Sequence[str | int] = SPLITS['train'],
        pipeline: Sequence[dict] = (),
        on_bad_file: str = 'error',
    ) -> None:
        self.sequences = official_numbers(sequences)
        super().__init__(data_root, pipeline, bin_columns=4, on_bad_file=on_bad_file)
        if wrong := sorted({scale for scale in self.scales.values() if scale != 1}):
            raise InputError(
                f'{data_root}: found intensities up to {wrong[-1]:g}; wanted remissions from 0 to 1. These are not '
                "KITTI's scans: use FolderSweeps, which scales them."
            )

    def find(self, exclude: Sequence[str]) -> list[str]:
        """The scans of the sequences, sorted."""
        root = os.path.join(self.data_root, 'sequences')
        present = sorted(os.listdir(root)) if os.path.isdir(root) else []
        files = []
        for number in self.sequences:
            folder = os.path.join(root, number, 'velodyne')
            if not os.path.isdir(folder):
                raise MissingFileError(
                    f'{folder}: no such folder; wanted the scans of sequences {", ".join(self.sequences)}; there: '
                    f'{", ".join(present) or "none"}. Check data_root (it holds sequences/), download the sequence, '
                    f'or name those that you have: --cfg-options sequences=[{int(number)}]'
                )
            files += find_sweeps(folder, exclude, self.options, on_bad_file=self.on_bad_file)
        return files


def official_numbers(sequences: Sequence[str | int]) -> list[str]:
    """Sorted two-digit names of sequences, which the command line gives as numbers. ValueError for other names."""
    official = {int(number): number for numbers in SPLITS.values() for number in numbers}
    numbers = {int(number) if str(number).isdigit() else -1 for number in sequences}
    if not numbers or numbers - official.keys() or len(numbers) < len(sequences):
        raise InputError(f'sequences must be different ones of 0 to 21, at least one, got {list(sequences)}')
    return [official[number] for number in sorted(numbers)]
