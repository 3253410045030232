"""What mmengine puts into checkpoints besides tensors loads with weights_only: schedules, class names."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.optim import OneCycleLR

import dos_mm3d  # noqa: F401  applies the fixes


def one_cycle() -> tuple[torch.optim.Optimizer, OneCycleLR]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    return optimizer, OneCycleLR(optimizer, eta_max=1.0, total_steps=10, pct_start=0.3, by_epoch=False)


def advance(optimizer: torch.optim.Optimizer, schedule: OneCycleLR, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]['lr'])
    return rates


def test_one_cycle_resumes_from_a_file_of_plain_data(tmp_path: Path) -> None:
    optimizer, schedule = one_cycle()
    advance(optimizer, schedule, 4)
    torch.save({'schedule': schedule.state_dict(), 'optimizer': optimizer.state_dict()}, tmp_path / 'a.pth')
    expected = advance(optimizer, schedule, 4)

    state = torch.load(tmp_path / 'a.pth', weights_only=True)
    optimizer, schedule = one_cycle()
    optimizer.load_state_dict(state['optimizer'])
    schedule.load_state_dict(state['schedule'])
    assert advance(optimizer, schedule, 4) == expected


def test_class_names_of_the_converter_load(tmp_path: Path) -> None:
    """mmdet3d's nuScenes converter leaves numpy strings in the metainfo, which goes into every checkpoint's meta."""
    torch.save({'meta': {'categories': {np.str_('animal'): -1}}}, tmp_path / 'a.pth')
    assert torch.load(tmp_path / 'a.pth', weights_only=True)['meta']['categories']['animal'] == -1


def test_the_label_mapping_of_a_config_loads(tmp_path: Path) -> None:
    """mmdet3d's SemanticKITTI and nuScenes segmentation configs put ConfigDicts into the metainfo."""
    mapping = ConfigDict({'1': 0, 'nested': [dict(name='car')]})
    torch.save({'meta': {'dataset_meta': {'label_mapping': mapping}}}, tmp_path / 'a.pth')
    loaded = torch.load(tmp_path / 'a.pth', weights_only=True)['meta']['dataset_meta']['label_mapping']
    assert loaded == mapping
    assert loaded.nested[0].name == 'car'
