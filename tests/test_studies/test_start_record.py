"""The record of a start survives an interruption."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config

from dos_mm3d.studies.protocols.base import Source
from dos_mm3d.studies.protocols.downstream import encoder_prefixes
from dos_mm3d.studies.runner.start_record import StartRecordHook


def steps(hook: StartRecordHook, runner: SimpleNamespace, numbers: range) -> None:
    for number in numbers:
        hook.after_train_iter(runner, number, {'inputs': {'points': [torch.full((2, 4), float(number))]}})


def start(model: torch.nn.Module, work_dir: Path, *, resumed: bool = False) -> SimpleNamespace:
    return SimpleNamespace(model=model, work_dir=str(work_dir), _resume=resumed)


def test_a_resumed_run_tells_of_its_first_start(tmp_path: Path) -> None:
    model = torch.nn.ModuleDict({'backbone': torch.nn.Linear(2, 2), 'decode_head': torch.nn.Linear(2, 2)})
    whole, runner = StartRecordHook(['backbone.']), start(model, tmp_path / 'whole')
    whole.before_train(runner)
    steps(whole, runner, range(4))
    whole.after_train(runner)

    first, runner, checkpoint = StartRecordHook(['backbone.']), start(model, tmp_path / 'parts'), {}
    first.before_train(runner)
    steps(first, runner, range(2))
    first.before_save_checkpoint(runner, checkpoint)
    steps(first, runner, range(2, 3))  # lost with the interruption
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 7.0)  # what it has learnt
    second, runner = StartRecordHook(['backbone.']), start(model, tmp_path / 'parts', resumed=True)
    second.after_load_checkpoint(runner, checkpoint)
    second.before_train(runner)
    steps(second, runner, range(2, 4))
    second.after_train(runner)
    found = [json.loads((tmp_path / name / 'start.json').read_text()) for name in ('whole', 'parts')]
    assert found[0] == found[1]
    assert found[0]['iters'] == 4


def test_weights_to_start_from_bring_no_record(tmp_path: Path) -> None:
    """load_from of a finished fine-tuning is another start."""
    hook, runner = StartRecordHook(['backbone.']), start(torch.nn.Linear(2, 2), tmp_path)
    hook.after_load_checkpoint(runner, {'start_record': {'iters': 99}})
    hook.before_train(runner)
    assert hook.record['iters'] == 0


@pytest.mark.parametrize(
    ('config', 'task', 'prefixes'),
    [
        ('dos_cylinder3d_synthetic', 'segmentation', ('voxel_encoder.', 'backbone.')),
        ('dos_pillars_synthetic', 'detection', ('pts_voxel_encoder.', 'pts_backbone.')),
        ('dos_second_synthetic', 'detection', ('pts_voxel_encoder.', 'pts_middle_encoder.')),
        ('dos_minkunet_synthetic', 'segmentation', ('backbone.',)),
    ],
)
def test_what_pretraining_gives_is_the_encoder(
    config: str, task: str, prefixes: tuple[str, ...], tmp_path: Path
) -> None:
    """Else every pair of runs would be told to have different heads."""
    path = Path(__file__).parents[2] / f'configs/dos/{config}.py'
    source = Source('synthetic', 0, Path('c.pth'), path, Config.fromfile(path).to_dict(), 'sha')
    assert encoder_prefixes(source, task) == prefixes
    records = []
    for value in (0.0, 1.0):
        model = torch.nn.ModuleDict({name: torch.nn.Linear(2, 2) for name in ('head', *(p[:-1] for p in prefixes))})
        for name, parameter in model.named_parameters():
            torch.nn.init.constant_(parameter, 0.5 if name.startswith('head') else value)
        hook = StartRecordHook(encoder_prefixes=prefixes)
        hook.before_train(start(model, tmp_path))
        records.append(hook.record)
    assert records[0]['rest'] == records[1]['rest']
    assert records[0]['encoder'] != records[1]['encoder']
