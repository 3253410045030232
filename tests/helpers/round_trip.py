"""From a pretraining model, all its values its own, to a weight file, and from there into an unmodified model."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.utils import get_installed_path
from torch import nn

from dos_mm3d.export.backbone import export_backbone


def mmdet3d_config(name: str) -> Config:
    """One of mmdet3d's own configs, as it lies in the wheel; ``name`` below its folder of configs."""
    init_default_scope('mmdet3d')
    return Config.fromfile(Path(get_installed_path('mmdet3d')) / '.mim' / 'configs' / name)


def randomise(module: nn.Module) -> None:
    """Give every parameter and buffer a value of its own: a tensor left at its default could hide a failed load."""
    for name, tensor in sorted(module.state_dict().items()):
        if name.endswith('running_var'):
            tensor.uniform_(0.5, 2.0)
        elif tensor.is_floating_point():
            tensor.normal_(0.0, 0.1).add_(1.0 if tensor.ndim == 1 and name.endswith('weight') else 0.0)
        else:
            tensor.random_(1, 1000)


def pretraining_model(config: Path) -> nn.Module:
    """The model of a pretraining config, whole, every weight and statistic a value of its own."""
    torch.manual_seed(100)
    model = MODELS.build(Config.fromfile(config).model)
    randomise(model)
    return model.eval()


def exported_from(model: nn.Module, config: Path, folder: Path) -> Path:
    """The weight file of tools/export_backbone.py for a checkpoint of ``model``, which ``config`` describes."""
    checkpoint = save_as_runner_does(model, Config.fromfile(config).pretty_text, folder / 'iter_7.pth')
    export_backbone(checkpoint, folder / 'backbone.pth')
    return folder / 'backbone.pth'


def fixtures_of(config: Path) -> tuple:
    """Two fixtures of a test module: the whole model of a pretraining config, and its weight file."""

    @pytest.fixture(scope='module')
    def pretrained() -> nn.Module:
        return pretraining_model(config)

    @pytest.fixture(scope='module')
    def exported(pretrained: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return exported_from(pretrained, config, tmp_path_factory.mktemp(config.stem))

    return pretrained, exported


def save_as_runner_does(model: nn.Module, config_text: str, path: Path) -> Path:
    """The checkpoint that mmengine's runner would write for ``model`` after 7 iterations."""
    torch.save({'meta': {'cfg': config_text, 'iter': 7, 'epoch': 0}, 'state_dict': model.state_dict()}, path)
    return path


def load_through_runner(detector: nn.Module, path: Path, work_dir: Path) -> nn.Module:
    """The way of `load_from`: mmengine's runner, before training."""
    runner = Runner(
        model=detector,
        work_dir=str(work_dir),
        load_from=str(path),
        train_dataloader=dict(batch_size=1, dataset=[0], sampler=dict(type='DefaultSampler', shuffle=False)),
        optim_wrapper=OptimWrapper(torch.optim.SGD(detector.parameters(), lr=0.1)),
        train_cfg=dict(by_epoch=False, max_iters=1),
        experiment_name=f'load_{path.stem}_{work_dir.name}',
        default_scope='mmdet3d',
    )
    runner.load_or_resume()
    return detector


def assert_same_tensors(found: nn.Module, wanted: nn.Module) -> None:
    """Every parameter and buffer is equal, and has the same name."""
    found, wanted = found.state_dict(), wanted.state_dict()
    assert list(found) == list(wanted)
    assert [name for name in wanted if not torch.equal(found[name], wanted[name])] == []
