"""Several data sets as one stream: what is drawn, in which shares, with which channels, and what is refused."""

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from mmdet3d.registry import DATASETS
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import MODELS
from mmengine.runner import Runner
from torch import Tensor

import dos_mm3d.engine  # noqa: F401  (registers the loop and the hook)
from dos_mm3d.datasets import stream
from dos_mm3d.datasets.joint import JointSweeps
from dos_mm3d.datasets.stream import BadSampleError, Draw, StreamSampler, SweepStream

SIZES = {'alpha': 12, 'beta': 5, 'gamma': 3}
WEIGHTS = {'alpha': 1, 'beta': 1, 'gamma': 2}


@DATASETS.register_module(force=True)
class ToyMember(SweepStream):
    """Frame i of `name`: two points at x = i, intensities 0 and `brightest`, and `extra` columns 7, 8, ..."""

    def __init__(
        self, name: str, n: int, brightest: float = 1.0, extra: int = 0, bad: Sequence[int] = (), on_bad_file='error'
    ) -> None:
        super().__init__((), on_bad_file)
        self.name, self.n, self.brightest, self.extra, self.bad = name, n, brightest, extra, bad

    @property
    def frames(self) -> range:
        return range(self.n)

    def load(self, index: int) -> tuple[Tensor, str]:
        file = f'{self.name}/{index}.bin'
        if index in self.bad:
            raise FileNotFoundError(f'{file}: no such file; wanted a sweep. Download it')
        rows = [[index, 1, 2, bright, *range(7, 7 + self.extra)] for bright in (0.0, self.brightest)]
        return torch.tensor(rows, dtype=torch.float32), file


def member(name: str, intensity: float | str = 'unit', extra_channels: Sequence[str] = (), **options) -> dict:
    toy = {'type': 'ToyMember', 'name': name, 'n': SIZES.get(name, 4), **options}
    return {'dataset': toy, 'intensity': intensity, 'extra_channels': extra_channels}


def joint(**options) -> JointSweeps:
    return JointSweeps(**{'members': {name: member(name) for name in SIZES}, **options})


def files(dataset: JointSweeps, positions, seed: int = 3) -> list[str]:
    return [dataset[Draw(seed, position)]['file'] for position in positions]


# --- shares ---


def test_by_frame_count_each_frame_of_each_member_comes_once_a_pass():
    dataset = joint()
    assert len(dataset) == 20
    every = sorted(f'{name}/{i}.bin' for name, n in SIZES.items() for i in range(n))
    passes = [files(dataset, range(20 * e, 20 * e + 20)) for e in range(4)]
    assert all(sorted(p) == every for p in passes)
    assert len({tuple(p) for p in passes}) == 4
    assert files(dataset, range(20), seed=4) != passes[0]


def test_weights_set_the_shares_and_members_run_through_their_own_frames():
    dataset = joint(weights=WEIGHTS)
    assert len(dataset) == 20, 'the length of a pass does not depend on the weights'
    drawn = files(dataset, range(120))
    for e in range(6):
        shares = Counter(file.split('/')[0] for file in drawn[20 * e : 20 * e + 20])
        assert shares == {'alpha': 5, 'beta': 5, 'gamma': 10}
    for name, n in SIZES.items():
        own = [file for file in drawn if file.startswith(name)]
        passes = [own[i : i + n] for i in range(0, len(own) - n + 1, n)]
        assert len(passes) >= 2
        assert all(len(set(p)) == n for p in passes), f'{name}: a frame came again before all had come'
        assert len({tuple(p) for p in passes}) > 1, f'{name}: its passes all have one order'


def test_a_draw_is_a_function_of_seed_and_position():
    dataset = joint(weights=WEIGHTS)
    in_order = files(dataset, range(300))
    assert files(joint(weights=WEIGHTS), reversed(range(300))) == in_order[::-1]
    jumps = np.random.default_rng(0).permutation(300)
    assert files(dataset, jumps) == [in_order[i] for i in jumps]


def test_use_leaves_members_out_without_building_them():
    members = {'alpha': member('alpha'), 'absent': member('absent', type='NoSuchClass'), 'beta': member('beta')}
    dataset = JointSweeps(members, use=['beta', 'alpha'])
    assert len(dataset) == 17 and [m.name for m in dataset.members] == ['alpha', 'beta']


# --- samples ---


def test_samples_carry_their_member_and_metainfo_the_shares():
    dataset = joint(weights=WEIGHTS)
    items = [dataset[Draw(0, t)] for t in range(40)]
    assert all(item['file'].startswith(item['member']) for item in items)
    assert {item['member'] for item in items} == set(SIZES)
    assert dataset.metainfo['members'] == {
        'alpha': {'n_frames': 12, 'draws': 5, 'intensity': 'unit'},
        'beta': {'n_frames': 5, 'draws': 5, 'intensity': 'unit'},
        'gamma': {'n_frames': 3, 'draws': 10, 'intensity': 'unit'},
    }


def test_channels_are_common_and_missing_ones_are_zero():
    members = {
        'lag': member('lag', 255, ['time lag [s]'], brightest=255.0, extra=1),
        'long': member('long', 'tanh', ['elongation', 'return'], brightest=20000.0, extra=2),
        'dropped': member('dropped', 'unit', brightest=0.5, extra=1),
    }
    dataset = JointSweeps(members, extra_channels=['return', 'time lag [s]'])
    rows = {}
    for t in range(12):
        item = dataset[Draw(0, t)]
        assert item['points'].dtype == torch.float32
        rows[item['member']] = item['points'][:, 1:].tolist()
    assert rows['lag'] == [[1, 2, 0, 0, 7], [1, 2, 1, 0, 7]]
    assert rows['long'] == [[1, 2, 0, 8, 0], [1, 2, 1, 8, 0]]
    assert rows['dropped'] == [[1, 2, 0, 0, 0], [1, 2, 0.5, 0, 0]]
    assert JointSweeps(members)[Draw(0, 0)]['points'].shape == (2, 4)


# --- what is refused, naming the member ---


def test_members_of_the_wrong_scale_are_refused_before_training():
    with pytest.raises(ValueError, match=r'member beta: beta/0.bin: found intensities from 0 to 255; wanted 0 to 1'):
        JointSweeps({'alpha': member('alpha'), 'beta': member('beta', brightest=255.0)})
    with pytest.raises(ValueError, match=r'member beta: .*99 % of the intensities below 0.0039 after intensity=255'):
        JointSweeps({'beta': member('beta', 255)})
    JointSweeps({'beta': member('beta', 255, brightest=0.0)})  # a sensor without intensities


@pytest.mark.parametrize(
    ('members', 'options', 'error', 'message'),
    [
        ({}, {}, ValueError, 'members is empty'),
        ({'a': {'dataset': {}}}, {}, ValueError, r"member a: found \['dataset'\]; wanted dataset, intensity"),
        ({'a': member('a', 'log')}, {}, ValueError, "member a: intensity must be 'unit', 'tanh'"),
        ({'a': member('a', pipeline=[])}, {}, ValueError, r"member a: its dataset has \['pipeline'\]"),
        ({'a': member('a', bad=[0])}, {}, FileNotFoundError, 'member a: a/0.bin: no such file'),
        ({'a': member('a', 'unit', ['lag'])}, {}, ValueError, 'member a: a/0.bin: found 4 columns'),
        ({'a': member('a')}, {'extra_channels': ['lag']}, ValueError, r"\['lag'\], which no member has"),
        ({'a': member('a')}, {'use': ['b']}, ValueError, r"use must be different ones of \['a'\]"),
        ({'a': member('a')}, {'use': []}, ValueError, 'use must be'),
        ({'a': member('a')}, {'weights': {'b': 1}}, ValueError, r"weights: found \['b'\]; wanted .* \['a'\]"),
        ({'a': member('a')}, {'weights': {'a': 0}}, ValueError, "found {'a': 0}; wanted positive"),
        (
            {'a': member('a'), 'b': member('b')},
            {'weights': {'a': 1, 'b': 1e-6}},
            ValueError,
            'member b: found a weight so small',
        ),
    ],
)
def test_what_cannot_be_mixed_is_refused(members, options, error, message):
    with pytest.raises(error, match=message):
        JointSweeps(members, **options)


def test_a_data_set_that_cannot_be_built_or_is_no_stream_is_named(tmp_path):
    absent = {'dataset': {'type': 'SemanticKittiSweeps', 'data_root': str(tmp_path)}, 'intensity': 'unit'}
    with pytest.raises(FileNotFoundError, match=r'member kitti: .*sequences/00/velodyne: no such folder'):
        JointSweeps({'kitti': absent})
    DATASETS.register_module(name='NoStream', force=True, module=lambda on_bad_file: object)
    with pytest.raises(TypeError, match='member x: found a type; wanted a SweepStream'):
        JointSweeps({'x': {'dataset': {'type': 'NoStream'}, 'intensity': 'unit'}})


def test_a_bad_sweep_stops_with_its_member_or_is_replaced_from_it():
    members = {'alpha': member('alpha', bad=[4, 7]), 'beta': member('beta')}
    stopping = JointSweeps(members)
    position = next(t for t in range(17) if stopping.index_of(Draw(0, t)) == 4)
    with pytest.raises(FileNotFoundError, match=r'member alpha: alpha/4\.bin: no such file'):
        stopping[Draw(0, position)]
    skipping = JointSweeps(members, on_bad_file='skip')
    items = [skipping[Draw(0, t)] for t in range(17 * 20)]
    replaced = [item for item in items if item['skipped']]
    assert len(replaced) >= 40 and all(item['member'] == 'alpha' for item in replaced)
    assert all(text.startswith('member alpha: alpha/') for item in replaced for text in item['skipped'])
    assert Counter(item['member'] for item in items) == {'alpha': 12 * 20, 'beta': 5 * 20}
    assert len({item['file'] for item in replaced}) > 5


def test_a_sample_that_a_transform_refuses_is_named():
    def refuse(results: dict) -> dict:
        raise BadSampleError(f'{results["file"]}: found no point in range; wanted one')

    with pytest.raises(BadSampleError, match=r'^member (alpha|beta|gamma): \w+/\d+.bin: found no point'):
        joint(pipeline=[refuse])[Draw(0, 0)]


# --- ranks and resume ---


def test_two_ranks_share_the_stream_of_one(monkeypatch):
    def drawn(rank: int, world_size: int, n: int) -> list[str]:
        monkeypatch.setattr(stream, 'get_dist_info', lambda: (rank, world_size))
        dataset = joint(weights=WEIGHTS)
        sampler = StreamSampler(dataset, seed=5)
        return [dataset[draw]['file'] for draw in itertools.islice(sampler, n)]

    alone = drawn(0, 1, 80)
    assert drawn(0, 2, 40) == alone[0::2] and drawn(1, 2, 40) == alone[1::2]


@MODELS.register_module(force=True)
class ToyJointModel(BaseModel):
    """One weight; keeps which sweeps it was fed."""

    fed: list = []

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def forward(self, file: list[str], mode: str = 'loss', **kwargs) -> dict:
        self.fed.append(tuple(file))
        return {'loss': self.weight.square()}


def train(work_dir, max_iters: int, num_workers: int = 0, resume: bool = False) -> tuple[list, Runner]:
    """Train to max_iters, a checkpoint every 3; what was fed, and the runner."""
    ToyJointModel.fed = []
    settings = {
        'type': 'JointSweeps',
        'members': {name: member(name) for name in SIZES},
        'weights': WEIGHTS,
    }
    runner = Runner.from_cfg(
        Config(
            {
                'default_scope': 'mmdet3d',
                'work_dir': str(work_dir),
                # runs of one name that begin in the same second share a message hub
                'experiment_name': f'joint_{work_dir.parent.name}_{work_dir.name}_{max_iters}',
                'model': {'type': 'ToyJointModel'},
                'train_dataloader': {
                    'dataset': settings,
                    'sampler': {'type': 'StreamSampler'},
                    'batch_size': 4,
                    'num_workers': num_workers,
                },
                'train_cfg': {'type': 'StreamTrainLoop', 'max_iters': max_iters},
                'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.1}},
                'default_hooks': {'checkpoint': {'type': 'CheckpointHook', 'interval': 3, 'by_epoch': False}},
                'custom_hooks': [{'type': 'MemberSharesHook'}],
                'randomness': {'seed': 7},
                'resume': resume,
                'log_level': 'ERROR',
            }
        )
    )
    runner.train()
    return list(ToyJointModel.fed), runner


@pytest.mark.parametrize('num_workers', [0, 2])
def test_a_killed_run_goes_on_in_the_same_order_and_its_log_with_it(tmp_path, num_workers):
    whole, runner = train(tmp_path / 'whole', 12)
    first, _ = train(tmp_path / 'parts', 6, num_workers)
    second, resumed = train(tmp_path / 'parts', 12, num_workers, resume=True)
    assert len(first) == len(second) == 6 and first + second == whole
    counts = Counter(file.split('/')[0] for batch in whole for file in batch)
    for run in (runner, resumed):
        for name, count in counts.items():
            assert run.message_hub.get_scalar(f'train/share_{name}').current() == pytest.approx(count / 48)
    checkpoint = torch.load(tmp_path / 'parts/iter_12.pth', weights_only=True)
    assert checkpoint['meta']['dataset_meta']['members']['gamma'] == {'n_frames': 3, 'draws': 10, 'intensity': 'unit'}
