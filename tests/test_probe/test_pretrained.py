"""A checkpoint is taken over whole or refused; random networks are random in their seed and in nothing else."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import save_checkpoint

from dos_mm3d.probe import pretrained
from dos_mm3d.probe.pretrained import load_pretrained, random_backbones
from dos_mm3d.probe.scans import ProbeScan

CONFIG = Path(__file__).resolve().parents[2] / 'configs' / 'dos' / 'dos_second_synthetic.py'


@pytest.fixture(scope='module')
def cfg() -> Config:
    return Config.fromfile(CONFIG)


@pytest.fixture(scope='module')
def checkpoint(cfg: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    init_default_scope('mmdet3d')
    torch.manual_seed(3)
    model = MODELS.build(cfg.model)
    path = tmp_path_factory.mktemp('checkpoint') / 'iter_1.pth'
    save_checkpoint({'state_dict': model.state_dict(), 'meta': {}}, str(path))
    return path


def scans(count: int) -> list[ProbeScan]:
    generator = torch.Generator().manual_seed(0)
    spread, shift = torch.tensor([40.0, 40, 2, 255, 0]), torch.tensor([-20.0, -20, -2, 0, 0])
    points = [torch.rand(600, 5, generator=generator) * spread + shift for _ in range(count)]
    return [ProbeScan(p, torch.arange(600), torch.ones(600, dtype=torch.int64)) for p in points]


def test_every_tensor_is_taken_over(cfg: Config, checkpoint: Path) -> None:
    model = load_pretrained(cfg, checkpoint)
    stored = torch.load(checkpoint, weights_only=True)['state_dict']
    assert all(torch.equal(value, stored[name]) for name, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())


def test_kernels_that_would_stay_random_are_an_error(cfg: Config, checkpoint: Path, tmp_path: Path) -> None:
    """A plain dict has lost the metadata by which mmdet3d's loader knows the layout."""
    plain = dict(torch.load(checkpoint, weights_only=True)['state_dict'])
    torch.save({'state_dict': plain, 'meta': {}}, tmp_path / 'plain.pth')
    with pytest.raises((ValueError, RuntimeError)):
        load_pretrained(cfg, tmp_path / 'plain.pth')


def test_weights_that_did_not_arrive_are_an_error(
    cfg: Config, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, 'load_checkpoint', lambda *args, **kwargs: None)
    with pytest.raises(ValueError, match='were not taken over'):
        load_pretrained(cfg, checkpoint)


def test_random_networks(cfg: Config, checkpoint: Path) -> None:
    model = load_pretrained(cfg, checkpoint)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    networks = random_backbones(cfg, model, [0, 1], scans(3))
    assert torch.equal(torch.rand(3), expected), 'the global generator was moved'
    again = random_backbones(cfg, model, [1], scans(3))
    weights = {name: dict(network.named_parameters()) for name, network in networks.items()}
    same = dict(again['random_1'].named_parameters())
    assert all(torch.equal(value, same[name]) for name, value in weights['random_1'].items())
    kernels = [name for name in same if same[name].dim() == 5]
    assert kernels
    assert not any(torch.equal(weights['random_0'][name], same[name]) for name in kernels)


def test_random_networks_are_normalised_for_the_scans(cfg: Config, checkpoint: Path) -> None:
    """With re-estimated statistics the first normalisation of all scans in one batch has mean 0 and variance 1."""
    model = load_pretrained(cfg, checkpoint)
    backbone = random_backbones(cfg, model, [0], scans(2))['random_0']
    seen = []
    norm = backbone.middle_encoder.conv_input[1]
    norm.register_forward_hook(lambda module, inputs, output: seen.append((output - module.bias) / module.weight))
    points = [scan.points for scan in scans(2)]
    with torch.no_grad():
        backbone(model.data_preprocessor.voxelize_points(points), torch.zeros((0, 4), dtype=torch.int32), 2)
    torch.testing.assert_close(seen[0].mean(0), torch.zeros(seen[0].shape[1]), atol=1e-4, rtol=0)
    spread = seen[0].var(0) * (norm.running_var + norm.eps) / norm.running_var
    torch.testing.assert_close(spread, torch.ones(seen[0].shape[1]), atol=1e-3, rtol=0)
