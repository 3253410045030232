"""Pictures of a fixed scan during training: they are there, and the training is what it would be without them."""

from pathlib import Path

import pytest
import torch

from dos_mm3d.engine.hooks.feature_pictures import FeaturePictureHook, feature_pictures, looking_at
from tests.helpers.scan_runs import Scans, make_runner


def test_tensorboard_gets_the_images_and_nothing_else_changes(tmp_path: Path) -> None:
    pytest.importorskip('tensorboard')
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    states = []
    for name, hooks in (('with', [FeaturePictureHook(interval=1)]), ('without', [])):
        torch.manual_seed(0)
        backends = dict(type='Visualizer', vis_backends=[dict(type='TensorboardVisBackend')], name=name)
        runner = make_runner(tmp_path / name, 2, hooks, visualizer=backends, randomness=dict(seed=0))
        runner.train()
        events = EventAccumulator(str(Path(runner.log_dir) / 'vis_data')).Reload()
        states.append((runner.model.state_dict(), torch.get_rng_state(), events))
    (drawn, drawn_rng, events), (plain, plain_rng, without) = states
    for name in ('features_pca', 'prototype_usage'):
        images = events.Images(name)
        assert [image.step for image in images] == [1, 2]
        assert min(images[0].width, images[0].height) > 300
        assert images[0].encoded_image_string != images[1].encoded_image_string, (
            'the second is not of the later teacher'
        )
    assert without.Tags()['images'] == []
    assert torch.equal(drawn_rng, plain_rng)
    assert all(torch.equal(value, plain[name]) for name, value in drawn.items()), 'looking changed the model'


def test_the_draw_is_the_same_whenever_it_is_looked_at(tmp_path: Path) -> None:
    model = make_runner(tmp_path, 1, []).model
    one, again, other = (feature_pictures(model, Scans()[number])['features_pca'] for number in (3, 3, 4))
    assert (one == again).all()
    assert (one != other).any()


def test_modes_come_back_one_by_one() -> None:
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    network[0].eval()  # frozen
    with looking_at(network):
        assert not any(module.training for module in network.modules())
    assert [module.training for module in network.modules()] == [True, False, True]


def test_other_models_and_settings_are_refused(tmp_path: Path) -> None:
    runner = make_runner(tmp_path, 1, [])
    runner.model = torch.nn.Linear(2, 2)
    with pytest.raises(TypeError, match='not Linear; take the hook out'):
        FeaturePictureHook().before_train(runner)
    with pytest.raises(ValueError, match='wanted 1 or more'):
        FeaturePictureHook(interval=0)
