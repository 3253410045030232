"""What holds for every adapter: a pretrained checkpoint named by its backbone's init_cfg is loaded."""

from pathlib import Path

import pytest
import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

from dos_mm3d.export.files import is_kernel, to_spconv1

CONFIGS = Path(__file__).resolve().parents[2] / 'configs/dos'
PARTS = dict(minkunet='backbone', spvcnn='backbone', cylinder3d='backbone', ptv3='ptv3')


def adapter(name: str, **part) -> torch.nn.Module:
    backbone = Config.fromfile(CONFIGS / f'dos_{name}_synthetic.py').model.backbone
    backbone[PARTS[name]].update(part)
    return MODELS.build(backbone)


@pytest.mark.parametrize('name', PARTS)
def test_the_init_cfg_of_the_backbone_is_followed(name, tmp_path):
    torch.manual_seed(0)
    wanted = getattr(adapter(name), PARTS[name]).state_dict()
    wanted = {key: torch.rand_like(value) if value.is_floating_point() else value for key, value in wanted.items()}
    spconv2 = [key for key, value in wanted.items() if is_kernel(value) and name != 'cylinder3d']
    file = {f'here.{key}': to_spconv1(value) if key in spconv2 else value for key, value in wanted.items()}
    torch.save({'state_dict': file}, tmp_path / 'start.pth')
    net = adapter(name, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'start.pth'), prefix='here.'))
    net.init_weights()
    found = getattr(net, PARTS[name]).state_dict()
    assert [key for key, value in found.items() if not torch.equal(value, wanted[key])] == []
