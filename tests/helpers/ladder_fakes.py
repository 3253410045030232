"""Small scripts that stand in for pretraining and probe of a ladder of two rows and an option."""

import json
import sys
from pathlib import Path

from dos_mm3d.datasets.nuscenes.classes import CLASSES
from dos_mm3d.studies.ablation.ladder_file import Ladder, read_ladder
from tests.helpers.recorded_calls import RecordedCalls

CONFIG = """
data_root = '{data}/'
max_iters = 10
scale = {scale}
model = dict(backbone=dict(type='B'), data_preprocessor=dict(voxel_layer=dict(voxel_size=[0.2, 0.2, 0.2])))
train_dataloader = dict(dataset=dict(data_root=data_root, num_sweeps=2), batch_size=(1, 2))
train_cfg = dict(max_iters=max_iters)
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
with open(calls, 'a') as file:
    file.write(f'train {name} {"again" if work_dir.exists() else "new"}\\n')
work_dir.mkdir(exist_ok=True)
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
for step in (2, 3):
    (work_dir / f'iter_{step}.pth').touch()
(work_dir / 'last_checkpoint').write_text(str(work_dir / 'iter_3.pth'))
"""
FAKE_PROBE = """
import json, sys
out, calls, names, classes = sys.argv[1:5]
with open(calls, 'a') as file:
    file.write(f'probe {sys.argv[5]}\\n')
def row(miou):
    return dict(miou=miou, sd=0.5, draws=[miou], per_class=dict.fromkeys(classes.split(), miou))
found = dict(rows={name: row(float(20 + i)) for i, name in enumerate(names.split())})
if sys.argv[5].startswith('baselines'):
    if json.loads(open(sys.argv[6]).read()).get('baselines') == 'fail':
        sys.exit('error: gone')
    found |= dict(class_points=dict.fromkeys(classes.split(), 5), split=dict(scored_scans=1, classes_absent=[]))
open(out, 'w').write(json.dumps(found))
"""


def small_ladder(folder: Path) -> Ladder:
    """Rows a and b and an option c, and info files, of which nothing here reads more than the bytes."""
    data = folder / 'data'
    data.mkdir()
    for split in ('train', 'val'):
        (data / f'nuscenes_infos_{split}.pkl').write_bytes(split.encode())
    for name in 'abc':
        (folder / f'{name}.py').write_text(CONFIG.format(data=data, scale=ord(name)))
    (folder / 'ladder.py').write_text(LADDER.format(folder=folder))
    return read_ladder(folder / 'ladder.py')


class Fakes(RecordedCalls):
    """Stands in for the tools of a ladder. behave: row_seedN='collapse' | 'fail' | 'sleep', baselines='fail'."""

    def train_command(self, folder: Path) -> list[str]:
        """In place of cells.train_command."""
        return [
            sys.executable,
            '-S',
            '-c',
            FAKE_TRAIN,
            *map(str, (folder / 'run', self.calls_file, self.behaviour_file)),
        ]

    def probe_command(self, folder: Path) -> list[str]:
        """In place of cells.probe_command."""
        request = json.loads((folder / 'request.json').read_text())
        name = folder.name.rsplit('_', 1)[0]
        words = [self.calls_file, ' '.join(request['rows']), ' '.join(CLASSES), name, self.behaviour_file]
        return [sys.executable, '-S', '-c', FAKE_PROBE, *map(str, [folder / 'probe.json', *words])]
