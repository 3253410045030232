"""What a validation would end in after hours of training, and a loader without a batch, are said before the start."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, DefaultSampler, InfiniteSampler
from torch.utils.data import DataLoader

from dos_mm3d.engine import launch
from dos_mm3d.engine.hooks.checkpoint import random_state
from dos_mm3d.engine.hooks.ready import require_batches, require_first_frame
from dos_mm3d.errors import InputError


class Step:
    """Reads what a frame should have, and takes some random numbers."""

    def __call__(self, results: dict) -> dict:
        random.random(), np.random.rand(), torch.rand(1)
        return {'time': results['timestamp']}


class Frames(BaseDataset):
    def load_data_list(self) -> list[dict]:
        return [{'timestamp': 1.0}, {'time': 2.0}]


def frames(*indices: int) -> Frames:
    return Frames(pipeline=[Step()], ann_file='infos.pkl', indices=list(indices))


def loader(
    dataset: BaseDataset | list, batch_size: int, *, kind: type = DefaultSampler, drop_last: bool = True
) -> DataLoader:
    return DataLoader(dataset, batch_size, sampler=kind(dataset), drop_last=drop_last)


@pytest.mark.parametrize(
    'wrong',
    [
        lambda: loader(frames(0, 1), 3),
        lambda: loader([], 1, drop_last=False, kind=InfiniteSampler),
    ],
)
def test_a_loader_without_a_batch_is_named(wrong):
    with pytest.raises(
        InputError, match=r'train_dataloader: its (2 frames .* fewer than one batch of 3|data set has no)'
    ):
        require_batches('train_dataloader', wrong())


def test_loaders_with_a_batch_are_taken():
    for right in (
        loader(frames(0, 1), 2),
        loader(frames(0, 1), 9, drop_last=False),
        loader(frames(0, 1), 9, kind=InfiniteSampler),
    ):
        require_batches('train_dataloader', right)


def test_a_first_frame_that_cannot_be_loaded_is_named_and_no_random_number_moves():
    before = random_state()
    require_first_frame('val_dataloader', frames(0))
    with pytest.raises(InputError, match=r"val_dataloader: its first frame .*KeyError: 'timestamp'.*infos\.pkl"):
        require_first_frame('val_dataloader', frames(1))
    after = random_state()
    assert all(torch.equal(before[key], after[key]) for key in ('torch',))
    assert torch.equal(before['numpy'][1], after['numpy'][1]) and before['python'] == after['python']


@pytest.mark.parametrize('workers', [0, 1])
def test_a_later_frame_is_one_line_where_upstream_steps_fail(workers):
    """Of the steps here, which are no part of this package, as of mmdet3d's."""
    with pytest.raises(KeyError) as caught:
        list(DataLoader(frames(0, 1), 1, num_workers=workers, collate_fn=list))
    assert "a frame cannot be loaded (KeyError: 'timestamp', in test_ready)" in launch.message_for_user(caught.value)
