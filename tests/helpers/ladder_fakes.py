"""Small scripts that stand in for pretraining and probe of a ladder of two rows and an option."""

import sys
from pathlib import Path
from typing import Any

from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.studies.protocols.ladder import LadderProtocol, ladder_arguments
from dos_mm3d.studies.protocols.ladder_file import Ladder, read_ladder
from dos_mm3d.studies.protocols.runner import run_protocol
from tests.helpers.recorded_calls import RecordedCalls

CONFIG = """
data_root = '{data}/'
max_iters = 10
scale = {scale}
input_channels = ['x [m]', 'y [m]', 'z [m]']
voxel_layer = dict(voxel_size=[0.2, 0.2, 0.2], point_cloud_range=[0, 0, 0, 4, 4, 4], max_voxels=(1, 2))
model = dict(backbone=dict(type='B'), data_preprocessor=dict(voxel_layer=voxel_layer))
train_dataloader = dict(dataset=dict(data_root=data_root, num_sweeps=2), batch_size=2)
train_cfg = dict(max_iters=max_iters)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=scale))
default_hooks = dict(logger=dict(interval=10))
"""
LADDER = """
_above = dict(a=None, b='a')
rows = [dict(name=n, config=r'{folder}/' + n + '.py', title='row ' + n, above=a) for n, a in _above.items()]
options = [dict(name='c', config=r'{folder}/c.py', title='option c', above='b')]
"""
FAKE_TRAIN = """
import json, pathlib, sys, time
work_dir, calls, behaviour = map(pathlib.Path, sys.argv[1:])
name = work_dir.parent.name.rsplit('_', 1)[0]
said = f'train {name} {"again" if work_dir.exists() else "new"}\\n'
work_dir.mkdir(exist_ok=True)  # before it is said: who reads that may end this script at once
with open(calls, 'a') as file:
    file.write(said)
do = json.loads(behaviour.read_text()).get(name)
if do == 'sleep':
    time.sleep(600)
if do == 'collapse':
    sys.exit('error: pretraining has collapsed at iteration 7: constant features. Lower the rate.')
if do == 'fail':
    sys.exit('error: no room left')
logs = work_dir / 'run' / 'vis_data'
logs.mkdir(parents=True, exist_ok=True)
scalar = dict(loss=1.5, time=2.0, effective_rank=9.0, alpha=1.25, step=3)
(logs / 'scalars.json').write_text(json.dumps(scalar))
(work_dir / 'iter_3.pth').write_text(name)
"""
FAKE_PROBE = """
import json, pathlib, sys
folder, calls, behaviour, classes = sys.argv[1:5]
name = pathlib.Path(folder).name.rsplit('_', 1)[0]
request = json.loads(pathlib.Path(folder, 'request.json').read_text())
network = request['network']['kind']
trained = pathlib.Path(request['checkpoint']).read_text() if network == 'checkpoint' else ''
with open(calls, 'a') as file:
    file.write(f'probe {name} of {trained}\\n' if trained else f'probe {name}\\n')
if json.loads(pathlib.Path(behaviour).read_text()).get(name) == 'fail':
    sys.exit('error: gone')
classes = classes.split()
def row(miou):
    return dict(miou=[miou], per_class={one: [miou] for one in classes}, confusion=[[1]])
found = dict(classes=classes, training_scans=1, scored_scans=1, scored_points=[5] * len(classes))
found['columns'] = dict(miou=dict(draws=[['scan']], labelled_frames=[1], sequences=[1]))
found['rows'] = {name: dict(miou=row(float(20 + i))) for i, name in enumerate(request['rows'])}
pathlib.Path(folder, 'probe.json').write_text(json.dumps(found))
"""
SIZES = dict(scans=1, draws=1, bn_scans=1, points_per_class=100, scored_scans=None)


def small_ladder(folder: Path, data: Path) -> Ladder:
    """Rows a and b and an option c, all with the data set `data`."""
    for name in 'abc':
        (folder / f'{name}.py').write_text(CONFIG.format(data=data, scale=ord(name)))
    (folder / 'ladder.py').write_text(LADDER.format(folder=folder))
    return read_ladder(folder / 'ladder.py')


class Unseen(LadderProtocol):
    """Its runs are no networks: nothing of them can be shown."""

    def pages(self) -> dict[str, tuple[str, str]]:
        return {}


class FakeLadder(RecordedCalls):
    """A ladder whose tools are fakes. behave: row_seedN='collapse' | 'fail' | 'sleep', fixed='fail'.

    Args:
        folder: of everything.
        data: of the data set.
    """

    def __init__(self, folder: Path, data: Path) -> None:
        super().__init__(folder)
        self.ladder, self.out = small_ladder(folder, data), folder / 'out'

    def protocol(
        self, *, rows: list[str] | None = None, options: bool = False, draws: int = 1, **changes: Any
    ) -> LadderProtocol:
        """Two seeds, three steps, the test split. changes: arguments of StudyArguments."""
        study = dict(out=self.out, seeds=2, steps=3, split='test', workers=2, again=True, overrides={})
        own = {**SIZES, 'rows': rows, 'options': options, 'option_seeds': 1, 'draws': draws}
        return Unseen(ladder_arguments(self.ladder, own, **study | changes))

    def run(self, **changes: Any) -> dict[str, Any]:
        """The record."""
        return run_protocol(self.protocol(**changes))

    def train_command(self, folder: Path) -> list[str]:
        """In place of ladder.train_command."""
        return [
            sys.executable,
            '-S',
            '-c',
            FAKE_TRAIN,
            *map(str, (folder / 'run', self.calls_file, self.behaviour_file)),
        ]

    def probe_command(self, folder: Path) -> list[str]:
        """In place of probe_plan.probe_command."""
        words = [folder, self.calls_file, self.behaviour_file, ' '.join(CLASSES)]
        return [sys.executable, '-S', '-c', FAKE_PROBE, *map(str, words)]
