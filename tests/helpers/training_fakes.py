"""Pretraining checkpoints that cost nothing, and small scripts that stand in for training and test of a protocol."""

import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from mmdet3d.registry import MODELS
from mmengine.config import Config

from dos_mm3d.studies.protocols.base import ProtocolArguments, Source
from dos_mm3d.studies.protocols.datasets import dataset_named
from dos_mm3d.studies.protocols.sources import read_sources
from dos_mm3d.studies.protocols.training_cell import curve_folder
from dos_mm3d.studies.protocols.training_config import checkpoint_at, last_checkpoint
from tests.helpers.recorded_calls import RecordedCalls

ROOT = Path(__file__).resolve().parents[2]
FAKE_TRAIN = """
import json, pathlib, sys
folder, calls, behaviour = map(pathlib.Path, sys.argv[1:])
config = {}
exec((folder / 'config.py').read_text(), config)
name, run = folder.name.rsplit('_', 1)[0], folder / 'run'
said = f'train {name} {"again" if run.exists() else "new"}\\n'
run.mkdir(exist_ok=True)  # before it is said: who reads that may end this script at once
with open(calls, 'a') as file:
    file.write(said)
do = json.loads(behaviour.read_text())
if name in do.get('fail', ()):
    sys.exit('error: no room left')
seed = config['randomness']['seed']
start = dict(encoder=f'{config["load_from"]} {seed}', rest=f'head {seed}', inputs=f'inputs {seed}', iters=4)
(run / 'start.json').write_text(json.dumps(start | do.get(name, {})))
"""
FAKE_TEST = """
import json, pathlib, sys
folder, calls, behaviour, to, checkpoint = map(pathlib.Path, sys.argv[1:])
if json.loads(behaviour.read_text()).get('fail_test'):
    sys.exit('error: no room left')
config = {}
exec((folder / 'config.py').read_text(), config)
with open(calls, 'a') as file:
    file.write(f'test {folder.name.rsplit("_", 1)[0]}\\n')
step = int(checkpoint.stem.removeprefix('iter_').removeprefix('epoch_'))
right = 10 + 2 * config['randomness']['seed'] + (5 if config['load_from'] else 0)
sequences = config['train_dataloader']['dataset'].get('sequences') or 'all'
right += 20 if len(sequences) > 1 else 0
if to != folder:  # on the way to the end
    right = step
    to.mkdir(parents=True, exist_ok=True)
confusion = [[right, 100 - right], [0, 100]]
(to / 'confusion.json').write_text(json.dumps(dict(classes=['a', 'b'], confusion=confusion)))
nuscenes = 'NuScenes metric/pred_instances_3d_NuScenes/'
(to / 'metrics.json').write_text(json.dumps({'miou': 0.5, nuscenes + 'mAP': right / 100, nuscenes + 'NDS': 0.5}))
summary = folder / 'test' / 'pred_instances_3d'
summary.mkdir(parents=True, exist_ok=True)
devkit = dict(mean_ap=right / 100, nd_score=0.5, mean_dist_aps=dict(car=right / 100), tp_errors=dict(trans_err=0.25))
(summary / 'metrics_summary.json').write_text(json.dumps(devkit))
"""


def fake_miou(seed: int, *, pretrained: bool, all_labels: bool) -> float:
    """mIoU in percent of the confusion matrix that FAKE_TEST writes: class a has `right` of 100 points, class b all."""
    right = 10 + 2 * seed + 5 * pretrained + 20 * all_labels
    return (right + 100 * 100 / (200 - right)) / 2


class TrainingFakes(RecordedCalls):
    """Stands in for tools/train.py and tools/test.py. behave: fail=names of cells, fail_test=True for all tests, name
    of a cell=what its start.json says otherwise."""

    def commands(self, config: dict, folder: Path, *, places: Sequence[int], **what: object) -> list[list[str]]:
        """In place of training_cell.cell_commands."""
        arguments = [*map(str, (folder, self.calls_file, self.behaviour_file))]
        tested = {curve_folder(folder, place): checkpoint_at(config, folder / 'run', place) for place in places}
        tested[folder] = last_checkpoint(config, folder / 'run')
        tests = [[sys.executable, '-c', FAKE_TEST, *arguments, *map(str, pair)] for pair in tested.items()]
        return [[sys.executable, '-c', FAKE_TRAIN, *arguments], *tests]


def pretraining_checkpoint(config: str, folder: Path, *, seed: int = 0) -> Path:
    """An untrained checkpoint of a pretraining config, with the config text that the exporter reads, beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    cfg = Config.fromfile(ROOT / config)
    torch.manual_seed(seed)
    model = MODELS.build(cfg.model)
    meta = {'cfg': cfg.pretty_text, 'iter': 4, 'epoch': 0}
    torch.save({'meta': meta, 'state_dict': model.state_dict()}, folder / 'iter_4.pth')
    (folder / 'config.py').write_text(cfg.pretty_text)
    return folder / 'iter_4.pth'


def sources(*checkpoints: Path, pretrained_on: str = 'synthetic') -> tuple[Source, ...]:
    """As the command line's."""
    return read_sources([str(path) for path in checkpoints], [], dataset_named(pretrained_on), {})


def arguments(
    root: Path, out: Path, found: tuple[Source, ...], *, on: str = 'synthetic', **more: object
) -> ProtocolArguments:
    """A test on the embedded nuScenes, or another data set, below `root`."""
    options = {'shares': [0.1, 1.0, 100.0], 'share_seed': 1, 'mode': 'finetune', 'downstream': None, 'processes': 1}
    options |= {'recipe': ['plain'], 'sequences': None, 'steps_of_shares': None, 'curve': None}
    options |= more.pop('options', {})
    dataset = dataset_named(on).at(str(root))
    wanted = {'seeds': 2, 'split': 'test', 'steps': 4, **more}
    return ProtocolArguments(datasets=(dataset,), sources=found, out=out, options=options, **wanted)
