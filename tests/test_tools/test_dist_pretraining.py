"""tools/dist_train.sh with a real pretraining config, as a user types it: two ranks on the CPU, over gloo."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason='trains two ranks on the CPU')
def test_two_cpu_ranks_pretrain_the_embedded_data_sets_config(synthetic_nuscenes, tmp_path):
    command = ['bash', str(ROOT / 'tools/dist_train.sh'), str(ROOT / 'configs/dos/dos_second_synthetic.py'), '2']
    command += ['--work-dir', str(tmp_path / 'run'), '--cfg-options', f'data_root={synthetic_nuscenes}/', 'max_iters=2']
    command += [
        'batch_size=1',
        'train_dataloader.dataset.pipeline.0.max_points=4000',
        'default_hooks.logger.interval=1',
    ]
    environment = {**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    [log_dir] = (path for path in (tmp_path / 'run').iterdir() if path.is_dir())
    steps = [json.loads(line) for line in (log_dir / 'vis_data' / 'scalars.json').read_text().splitlines()]
    assert [step['step'] for step in steps] == [1, 2]
    assert all(math.isfinite(step['loss']) and step['loss'] > 0 for step in steps)
    assert steps[-1]['feature_spread'] > 0.1 and steps[-1]['effective_rank'] > 2.5
    assert (log_dir / 'collapse.png').is_file()

    weights = torch.load(tmp_path / 'run' / 'iter_2.pth', weights_only=False)['state_dict']
    student = {name for name in weights if name.startswith('student.') and name.endswith('weight')}
    assert student and not any(name.startswith('module.') for name in weights)
    moved = [name for name in student if not torch.equal(weights[name], weights[name.replace('student', 'teacher', 1)])]
    assert len(moved) == len(student), 'every layer was trained, and the teacher follows slowly'
