"""Objects judged: what is fitted on, held out and scored, and that settings never see what is scored."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC
from torch import nn
from torch.testing import assert_close

from dos_mm3d.errors import InputError
from dos_mm3d.probe.objects.classifiers import Labelled, best_of_all, knn, svm
from dos_mm3d.probe.objects.features import described, encoder_features, standardised
from dos_mm3d.probe.objects.fitting import FitRecipe, Stage, batches_of, fit
from dos_mm3d.probe.objects.inputs import DrawnClouds, ObjectInput, drawn_rows
from dos_mm3d.probe.objects.networks import EncoderClassifier, PointNetClassifier, build_encoder
from dos_mm3d.probe.objects.part_task import PartTask
from dos_mm3d.probe.objects.splits import draw_episode, held_out, labelled_share, relabelled
from dos_mm3d.probe.objects.tasks import head_on_features, network, scored_parts, task_of, task_of_episode
from tests.helpers import asymdsd_nets
from tests.helpers.object_protocols import write_set

CPU = torch.device('cpu')
FED = ObjectInput(40, 8, 4, scale=(0.8, 1.2), turned=True)
SHORT = FitRecipe((Stage(4, 3e-3, 1e-4, warmup_epochs=1),), batch_size=8)


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_set(tmp_path_factory.mktemp('objects'), train=6, test=4, parts=True)


@pytest.fixture
def encoder() -> nn.Module:
    return build_encoder({**asymdsd_nets.settings()['encoder'], 'cls_token': True}, seed=3)


@pytest.fixture(scope='module')
def labels() -> np.ndarray:
    return np.repeat([0, 1, 2, 4], [20, 10, 3, 1])


def test_shares_are_of_every_class_and_nested(labels: np.ndarray) -> None:
    few, more = (labelled_share(labels, percent, seed=1) for percent in (10, 50))
    assert np.bincount(labels[few]).tolist() == [2, 1, 1, 0, 1]
    assert set(few) < set(more)
    assert set(labelled_share(labels, 100, seed=1)) == set(range(len(labels)))
    assert not np.array_equal(labelled_share(labels, 50, seed=2), more)


def test_what_is_held_out_is_of_every_class_but_never_all_of_one(labels: np.ndarray) -> None:
    stay, out = held_out(labels, 20, seed=0)
    assert np.bincount(labels[out]).tolist() == [4, 2, 1]
    assert sorted([*stay, *out]) == list(range(len(labels)))
    assert len(held_out(labels, 0, seed=0)[1]) == 0


def test_an_episode_has_other_objects_to_score_and_labels_of_its_own(labels: np.ndarray) -> None:
    episode = draw_episode(labels, labels, way=2, shot=5, queries=3, key=(1, 0))
    assert set(episode.classes) == {0, 1}, 'the others have too few objects'
    assert np.bincount(relabelled(labels[episode.support], episode.classes)).tolist() == [5, 5]
    assert np.bincount(relabelled(labels[episode.queries], episode.classes)).tolist() == [3, 3]
    other = draw_episode(labels, labels, way=2, shot=5, queries=3, key=(1, 1))
    assert set(other.support) != set(episode.support)
    with pytest.raises(InputError, match='2 classes have 5 objects'):
        draw_episode(labels, labels, way=3, shot=5, queries=3, key=(1, 0))


def test_validation_scores_objects_of_the_training_split_that_are_never_fitted_on(root: Path) -> None:
    train, rows, scored, scored_rows = scored_parts(root, 'validation')
    assert train.source == scored.source and not set(rows) & set(scored_rows)
    assert len(rows) + len(scored_rows) == len(train)
    task = task_of(root, 'test', percent=50, share_seed=1, held_out_percent=30)
    assert task.scored.names[0] == 'test_0' and len(task.scored_rows) == 12
    assert len(task.train_rows) == 9 and len(task.out) == 3 and not set(task.stay) & set(task.out)


def test_a_val_split_is_what_settings_are_chosen_on(tmp_path: Path) -> None:
    root = write_set(tmp_path, train=2, test=1)
    for path in sorted(root.glob('test*')):
        shutil.copy(path, root / path.name.replace('test', 'val'))
    train, rows, scored, scored_rows = scored_parts(root, 'validation')
    assert len(rows) == len(train) == 6 and len(scored) == len(scored_rows) == 3
    told = json.loads((root / 'val.json').read_text())
    (root / 'val.json').write_text(json.dumps({**told, 'classes': told['classes'][::-1]}))
    with pytest.raises(InputError, match='the same in the same order'):
        scored_parts(root, 'validation')


def test_a_cloud_is_thinned_to_far_points_or_repeated() -> None:
    generator = torch.Generator().manual_seed(0)
    line = torch.stack((torch.linspace(0, 1, 9), torch.zeros(9), torch.zeros(9)), 1)
    assert {0, 8} <= set(drawn_rows(line, 3, generator).tolist()) | {4}
    assert drawn_rows(line, 20, generator).bincount().unique().tolist() == [2, 3]
    assert sorted(drawn_rows(line, 9, generator).tolist()) == list(range(9))
    with pytest.raises(InputError, match='hold no 8 patches of 41'):
        ObjectInput(40, 8, 41)


def test_what_is_fed_is_a_function_of_seed_pass_and_object(root: Path) -> None:
    objects = scored_parts(root, 'test')[0]
    clouds, again = (DrawnClouds(objects, [3, 5], FED, seed=1) for _ in range(2))
    one = clouds[0][0].points
    assert torch.equal(one, again[0][0].points)
    assert torch.equal(one, DrawnClouds(objects, [3], FED, seed=1)[0][0].points)
    clouds.epoch = 1
    assert not torch.equal(one, clouds[0][0].points)
    plain, _, rows = DrawnClouds(objects, [3], FED.plain)[0]
    assert torch.equal(plain.points[0], torch.from_numpy(objects.cloud(3))[rows])
    crops, labels, rows = next(iter(clouds.loader([[0, 1]])))
    assert crops.points.shape == (2, 40, 3) and labels.tolist() == objects.labels[[3, 5]].tolist()


def labelled(seed: int = 0) -> tuple[Labelled, np.ndarray]:
    """Three classes on a line, which an SVM with C = 1 does not tell apart at this scale; and the scored labels."""
    rng = np.random.default_rng(seed)
    truth = np.repeat([0, 1, 2], 20)
    features = [0.01 * (truth[:, None] + rng.normal(0, 0.2, (60, 2))) for _ in range(2)]
    stay, out = held_out(truth, 25, seed=0)
    return Labelled(features[0], truth, stay, out, features[1]), truth


def test_the_svm_is_scikit_learns_and_c_is_chosen_on_what_is_held_out() -> None:
    given, truth = labelled()
    found = svm(given)
    default = LinearSVC(random_state=0).fit(given.train, given.labels).predict(given.scored)
    assert np.array_equal(found.last, default)
    assert float((found.best == truth).mean()) > 0.9 > float((found.last == truth).mean())
    cost = float(found.facts['chosen'].partition('=')[2])
    again = LinearSVC(C=cost, random_state=0).fit(given.train, given.labels).predict(given.scored)
    assert cost > 1 and np.array_equal(found.best, again)


@pytest.mark.parametrize('classify', [svm, knn, best_of_all])
def test_what_is_scored_chooses_nothing(classify) -> None:
    given, _ = labelled()
    found = classify(given)
    elsewhere = classify(replace(given, scored=-given.scored[::-1]))
    assert found.facts == elsewhere.facts
    assert not np.array_equal(found.best, elsewhere.best)
    assert classify(replace(given, out=given.out[:0])).best is None


def test_neighbours_are_a_majority_by_cosine() -> None:
    angles = np.radians([0, 1, 2, 50, 51, 90.0])
    train = np.stack((np.cos(angles), np.sin(angles)), 1) * [[1], [9], [1], [1], [1], [1]]
    given = Labelled(train, np.array([0, 0, 0, 1, 1, 2]), np.arange(6), np.arange(0), train[[4]])
    assert knn(given).last.tolist() == [0], 'of the five nearest three are far, but many'


def test_rates_of_a_stage() -> None:
    stage = Stage(10, 1.0, 0.1, warmup_epochs=2, lr_start=0.0)
    rates = [stage.rate(step, 20) for step in range(20)]
    assert rates[0] == 0 and rates[2] == pytest.approx(0.5) and rates[4] == 1 and rates[-1] == pytest.approx(0.1)
    assert all(a >= b for a, b in pairwise(rates[4:]))
    straight = Stage(5, 1.0, 0.5, straight=True)
    assert [straight.rate(step, 5) for step in range(5)] == pytest.approx([1, 0.875, 0.75, 0.625, 0.5])
    two = FitRecipe((Stage(50, 1.0, 0.1, frozen=True), Stage(100, 0.2, 0, warmup_epochs=10))).in_epochs(15)
    assert [(s.epochs, s.warmup_epochs) for s in two.stages] == [(5, 0), (10, 1)]
    assert [s.lr for s in two.at_rate(7.0).stages] == [1.0, 7.0]


def test_batches_hold_every_object_once_and_never_one_alone() -> None:
    assert sorted(chain(*batches_of(33, 32, (0, 0)))) == list(range(33))
    assert [len(batch) for batch in batches_of(33, 32, (0, 0))] == [17, 16]
    assert [len(batch) for batch in batches_of(3, 2, (0, 0))] == [3]


class Tiny(nn.Module):
    """A linear layer over another one, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.encoder, self.head = nn.Linear(2, 4), nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(x))


def passes(epoch: int, batches: list[list[int]]) -> Iterator:
    given, truth = labelled()
    for positions in batches:
        rows = torch.tensor(positions)
        yield (100 * torch.from_numpy(given.train).float()[rows],), torch.from_numpy(truth)[rows]


def test_a_training_that_goes_on_is_the_one_that_was_not_interrupted(tmp_path: Path) -> None:
    recipe = FitRecipe((Stage(2, 0.1, 0.01, frozen=True), Stage(3, 0.05, 0.0, warmup_epochs=1)), batch_size=16)
    scores, states = iter([0.1, 0.5, 0.2, 0.5, 0.3]), []

    def validate(model: nn.Module) -> float:
        assert not model.training
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(scores)

    whole = fit(Tiny(), passes, 60, recipe, seed=1, validate=validate)
    assert_close(whole.best, states[1], rtol=0, atol=0)
    assert_close(whole.last, states[4], rtol=0, atol=0)

    def fails_at(count: int):
        told = iter([0.1, 0.5, 0.2, 0.5, 0.3][:count])
        return lambda model: next(told)

    for count in (1, 2, 3):  # ended within the first stage, at its end, within the second
        keep = tmp_path / f'{count}.pth'
        with pytest.raises(StopIteration):
            fit(Tiny(), passes, 60, recipe, seed=1, validate=fails_at(count), keep=keep)
        rest = iter([0.1, 0.5, 0.2, 0.5, 0.3][count:])
        found = fit(Tiny(), passes, 60, recipe, seed=1, validate=lambda model, rest=rest: next(rest), keep=keep)
        assert found.history == whole.history and found.best_epoch == 2
        for state in ('last', 'best'):
            assert_close(getattr(found, state), getattr(whole, state), rtol=0, atol=0)


def test_a_frozen_stage_leaves_the_encoder_as_it_was() -> None:
    model = Tiny()
    before = model.encoder.weight.detach().clone()
    frozen = FitRecipe((Stage(2, 0.1, 0.1, frozen=True),), batch_size=16)
    fit(model, passes, 60, frozen, seed=0)
    assert torch.equal(model.encoder.weight, before)
    fit(model, passes, 60, FitRecipe((Stage(2, 0.1, 0.1),), batch_size=16), seed=0)
    assert not torch.equal(model.encoder.weight, before)


def test_networks_learn_the_shapes(root: Path, encoder: nn.Module) -> None:
    task = task_of(root, 'test', percent=100, share_seed=1, held_out_percent=20)
    # long and slow enough that both do on any processor, with any seed of 0 to 3
    recipe = FitRecipe((Stage(60, 2e-3, 1e-4, warmup_epochs=1),), batch_size=4, label_smoothing=0.1)
    torch.manual_seed(0)
    models = (PointNetClassifier(3, (16,)), EncoderClassifier(encoder, 3, ('cls', 'mean'), (16,), drop_path=0.1))
    for model in models:
        found = network(task, model, FED, recipe, CPU, seed=0)
        assert (found.last == task.scored_labels).mean() > 0.5
        assert found.best is not None and 1 <= found.facts['best_epoch'] <= 60
    assert [block.drop_path for block in models[1].encoder.blocks] == [0.0, 0.1]


def test_a_head_learns_on_features_of_a_frozen_encoder(root: Path, encoder: nn.Module) -> None:
    task = task_of(root, 'test', percent=100, share_seed=1, held_out_percent=20)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    train = encoder_features(encoder, task.train, task.train_rows, FED, ('cls', 'mean', 'max'), CPU, views=2, seed=1)
    scored = encoder_features(encoder, task.scored, task.scored_rows, FED.plain, ('cls', 'mean', 'max'), CPU)[0]
    assert train.shape == (2, 18, 36) and scored.shape == (12, 36) and not torch.equal(train[0], train[1])
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    recipe = FitRecipe((Stage(60, 1e-2, 1e-3),), batch_size=9, label_smoothing=0.0)
    found = head_on_features(task, *standardise_views(train, scored), (16,), recipe, seed=0)
    assert (found.last == task.scored_labels).mean() > 0.5


def standardise_views(train: torch.Tensor, scored: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    flat, scored = standardised(train.flatten(0, 1), scored)
    return flat.unflatten(0, train.shape[:2]), scored


def test_descriptors_see_the_points_that_networks_see_and_only_on_request_the_size(root: Path) -> None:
    objects = scored_parts(root, 'test')[0]
    without, with_size = (described(objects, [0, 7], FED, with_size=size) for size in (False, True))
    assert torch.equal(with_size[:, :-3], without)
    twice = replace(objects, points=2 * np.array(objects.points))
    assert_close(described(twice, [0, 7], FED, with_size=False), without, rtol=1e-4, atol=1e-4)
    moved = described(twice, [0, 7], FED, with_size=True)[:, -3:] - with_size[:, -3:]
    assert_close(moved, torch.full_like(moved, float(np.log(2))), rtol=1e-4, atol=1e-4)
    flat, other = standardised(torch.tensor([[1.0, 5], [3, 5]]), torch.tensor([[5.0, 9]]))
    assert_close(flat, torch.tensor([[-1.0, 0], [1, 0]]))
    assert_close(other, torch.tensor([[3.0, 0]]))


def test_few_shot_tasks_have_labels_of_their_own(root: Path) -> None:
    parts = scored_parts(root, 'test')
    episode = draw_episode(parts[0].labels, parts[2].labels, way=2, shot=3, queries=2, key=(0,))
    task = task_of_episode(parts, episode)
    assert task.num_classes == 2 and task.train_labels.tolist() == [0] * 3 + [1] * 3
    assert task.scored_labels.tolist() == [0, 0, 1, 1] and len(task.out) == 0
    clouds = DrawnClouds(task.train, task.train_rows, FED, task.train_labels)
    assert [clouds[position][1] for position in range(6)] == task.train_labels.tolist()


class Oracle(nn.Module):
    """Says of each point what is true: parts are the halves of an object."""

    def forward(self, fed, category: torch.Tensor) -> torch.Tensor:
        height = fed.points[:, :, 2]
        upper = height > height.median(1, keepdim=True).values
        return nn.functional.one_hot(2 * category[:, None] + upper, 6).float()


def test_parts_are_scored_at_the_points_that_are_fed(root: Path) -> None:
    whole = ObjectInput(48, 8, 4)
    task = PartTask(task_of(root, 'test', percent=100, share_seed=1, held_out_percent=20), whole, CPU)
    ious, categories = task.score(Oracle(), 'scored')
    assert ious.tolist() == [1.0] * 12 and categories.tolist() == sorted([0.0, 1.0, 2.0] * 4)
    # one of two equal parts everywhere: half right, the other part not found
    assert task.most_common().last[:, 0] == pytest.approx(0.25, abs=0.02)
