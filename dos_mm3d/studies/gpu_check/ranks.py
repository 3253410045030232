"""One rank, started as a user starts eight."""

import json
import os
import subprocess
import sys

import torch

from .check import Check, CheckFailed, Found, NotHere, Place
from .training import MAX_POINTS

STEPS = 2
CONFIG = 'configs/dos/dos_minkunet_synthetic.py'
START = 'tools/dist_train.sh'


def checks() -> list[Check]:
    """All of this stage."""
    return [Check('ranks/one', one_rank, limit_s=240)]


def one_rank(place: Place) -> Found:
    """Two steps through tools/dist_train.sh, over NCCL on a GPU and gloo on a CPU; NotHere outside of a checkout."""
    if not os.path.isfile(START):
        raise NotHere(f'{START} is not in a wheel: only a checkout of the repository has it')
    backend, work_dir = 'nccl' if place.on_gpu else 'gloo', place.folder / 'ranks_one' / 'run'
    options = {
        'data_root': f'{place.world}/',
        'max_iters': STEPS,
        'work_dir': work_dir,
        'env_cfg.dist_cfg.backend': backend,
        'default_hooks.logger.interval': 1,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'train_dataloader.dataset.pipeline.0.max_points': MAX_POINTS,
    }
    command = [
        'bash',
        START,
        CONFIG,
        '1',
        '--cfg-options',
        *(f'{key}={value}' for key, value in options.items()),
    ]
    done = subprocess.run(command, env={**os.environ, 'PYTHON': sys.executable}, capture_output=True, text=True)
    print(done.stdout, done.stderr)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise CheckFailed(f'{START} over {backend} ended with status {done.returncode}: {" ".join(last)}')
    scalars = max(work_dir.glob('*/vis_data/scalars.json'))
    losses = [json.loads(line)['loss'] for line in scalars.read_text().splitlines()]
    if len(losses) != STEPS or not torch.tensor(losses).isfinite().all():
        raise CheckFailed(f'losses {losses}, wanted {STEPS} finite ones', {'losses': losses})
    return Found(
        f'{backend}, losses {", ".join(f"{loss:.2f}" for loss in losses)}', {'losses': losses, 'backend': backend}
    )
