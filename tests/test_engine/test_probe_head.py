"""A head that begins as the probe of its backbone has the probe's logits, on a real segmentor and its data."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from dos_mm3d.engine.hooks import ProbeHeadHook, TargetBatchNormHook, probe_head
from dos_mm3d.engine.hooks.probe_head import ABSENT_BIAS, labelled_features, linear_head, set_linear_
from dos_mm3d.engine.named_parts import modules_below
from dos_mm3d.engine.training_frames import training_batches
from dos_mm3d.functional.logistic_regression import LinearLayer, ProbeRecipe, fit_linear

CONFIG = Path(__file__).resolve().parents[2] / 'configs/segmentation/minkunet_small_synthetic.py'


@pytest.fixture(scope='module')
def runner(synthetic_nuscenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    cfg = Config.fromfile(CONFIG)
    folder = tmp_path_factory.mktemp('probe_head')
    cfg.merge_from_dict(
        {
            'work_dir': str(folder),
            'experiment_name': folder.name,
            'train_dataloader.dataset.data_root': f'{synthetic_nuscenes}/',
            'train_dataloader.dataset.labelled_scenes': 2,
            'train_dataloader.num_workers': 0,
            'train_dataloader.persistent_workers': False,
            'test_dataloader': None,
            'test_evaluator': None,
            'test_cfg': None,
        }
    )
    made = Runner.from_cfg(cfg)
    made.train_loop  # noqa: B018  builds the loader
    return made


def test_a_head_has_the_probes_logits() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (500,), generator=generator)
    features = 5 + 3 * torch.randn(500, 8, generator=generator) + nn.functional.one_hot(labels, 8)
    fitted = fit_linear(features, labels, torch.ones(500), n_classes=4, recipe=ProbeRecipe())
    head = nn.Linear(8, 4)
    set_linear_(head, fitted)
    found, expected = head(features).detach(), features @ fitted.weight + fitted.bias
    torch.testing.assert_close(found[:, :3], expected[:, :3], rtol=1e-5, atol=1e-5)
    assert torch.isinf(fitted.bias[3]) and head.bias[3] == ABSENT_BIAS
    assert torch.isfinite(head.weight).all()
    assert (found.softmax(1)[:, 3] == 0).all(), 'a class that no frame shows is never predicted'


def test_of_a_segmentor_and_no_random_number_moves(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[tuple[LinearLayer, torch.Tensor]] = []

    def keep(features, labels, weights, **settings) -> LinearLayer:
        kept.append((fit_linear(features, labels, weights, **settings), labels))
        return kept[-1][0]

    monkeypatch.setattr(probe_head, 'fit_linear', keep)
    torch.manual_seed(5), np.random.seed(5)
    expected_random = torch.rand(3), np.random.rand(3)
    torch.manual_seed(5), np.random.seed(5)
    before = {name: value.clone() for name, value in runner.model.state_dict().items()}
    ProbeHeadHook(frames=3).before_train(runner)
    assert torch.equal(torch.rand(3), expected_random[0]) and np.array_equal(np.random.rand(3), expected_random[1])
    changed = [name for name, value in runner.model.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ['decode_head.conv_seg.weight', 'decode_head.conv_seg.bias']

    ((fitted, labels),) = kept
    batch = next(training_batches(runner, 3))
    features, truth = labelled_features(runner.model, batch)
    with torch.no_grad():
        logits = runner.model(**batch, mode='tensor')
    shown = torch.isfinite(fitted.bias)
    assert shown.sum() == len(labels.unique())
    expected = features @ fitted.weight[:, shown] + fitted.bias[shown]
    torch.testing.assert_close(logits[:, shown], expected, rtol=1e-5, atol=1e-4)
    known = truth != runner.model.decode_head.ignore_index
    share = truth[known].bincount().max() / known.sum()
    assert (logits.argmax(1)[known] == truth[known]).float().mean() > share, 'better than the most frequent class'


def test_a_resumed_run_keeps_what_it_has_learnt() -> None:
    ProbeHeadHook().before_train(SimpleNamespace(iter=3))
    TargetBatchNormHook(['backbone.']).before_train(SimpleNamespace(iter=3))


def test_statistics_become_those_of_the_training_frames(runner: Runner) -> None:
    model = runner.model
    first = next(one for one in modules_below(model, ['backbone.']) if isinstance(one, nn.BatchNorm1d))
    seen = []
    TargetBatchNormHook(['backbone.'], frames=2).before_train(runner)
    handle = first.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].detach()))
    with torch.no_grad():
        model.eval()(**next(training_batches(runner, 2)), mode='loss')
    handle.remove()
    torch.testing.assert_close(first.running_mean, seen[0].mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(first.running_var, seen[0].var(0), rtol=1e-3, atol=1e-4)


def test_a_model_without_a_linear_head_is_refused() -> None:
    with pytest.raises(ValueError, match='Linear has no decode_head'):
        linear_head(nn.Linear(2, 2))
