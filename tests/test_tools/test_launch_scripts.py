"""dist_train.sh, dist_test.sh and slurm_train.sh: what is wrong is one sentence, before a process is started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
OWN = ('GPUS', 'GPUS_PER_NODE', 'CPUS_PER_TASK', 'NNODES', 'NODE_RANK', 'MASTER_ADDR', 'PORT', 'SRUN_ARGS')


def run(folder: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in OWN} | {'PYTHON': sys.executable}
    return subprocess.run(
        [*map(str, command)], env=environment | variables, cwd=folder, capture_output=True, text=True, timeout=300
    )


TRAIN, TEST, SLURM = (
    ('dist_train.sh', 'c.py', '2'),
    ('dist_test.sh', 'c.py', 'k.pth', '2'),
    ('slurm_train.sh', 'part', 'job', 'c.py', 'work'),
)
REFUSED = {
    'no config': (('dist_train.sh', 'no.py', '2'), {}, 'no.py: no such config'),
    'no config of a test': (('dist_test.sh', 'no.py', 'k.pth', '2'), {}, 'no.py: no such config'),
    'no config of a job': (('slurm_train.sh', 'part', 'job', 'no.py', 'work'), {}, 'no.py: no such config'),
    'a folder': (('dist_train.sh', '.', '2'), {}, '.: no such config'),
    'no checkpoint': (('dist_test.sh', 'c.py', 'no.pth', '2'), {}, 'no.pth: no such checkpoint'),
    'turned round': (('dist_train.sh', '2', 'c.py'), {}, '2: no such config'),
    'no GPU': (('dist_train.sh', 'c.py', '0'), {}, 'GPUS=0: wanted a whole number from 1'),
    'less': (('dist_test.sh', 'c.py', 'k.pth', '-1'), {}, 'GPUS=-1: wanted a whole number'),
    'a word': (('dist_train.sh', 'c.py', 'all'), {}, 'GPUS=all: wanted a whole number'),
    'a sum': (('dist_train.sh', 'c.py', '1+1'), {}, 'GPUS=1+1: wanted a whole number'),
    'very many': (('dist_train.sh', 'c.py', '99999999999999999999'), {}, 'wanted a whole number from 1 to 1024'),
    'an option too early': (('dist_train.sh', 'c.py', '--resume'), {}, 'GPUS=--resume: wanted a whole number'),
    'no machine': (TRAIN, {'NNODES': '0'}, 'NNODES=0: wanted a whole number from 1'),
    'a machine too many': (TRAIN, {'NNODES': '2', 'NODE_RANK': '2', 'MASTER_ADDR': 'a'}, 'from 0 to 1'),
    'the second of one machine': (TRAIN, {'NODE_RANK': '1'}, 'NODE_RANK (of NNODES=1)=1'),
    'nowhere to meet': (TRAIN, {'NNODES': '2'}, 'NNODES=2: set MASTER_ADDR'),
    'no port': (TEST, {'PORT': 'auto'}, 'PORT=auto: wanted a whole number from 1 to 65535'),
    'no python': (TRAIN, {'PYTHON': '/no/python'}, 'PYTHON=/no/python: there is no such program'),
    'no srun': (SLURM, {'PATH': '/usr/bin:/bin'}, 'there is no srun here'),
}
REFUSED_WITH_SRUN = {
    'no GPU': ({'GPUS': '0'}, 'GPUS=0: wanted a whole number from 1'),
    'a word': ({'GPUS': 'all'}, 'GPUS=all: wanted a whole number'),
    'more on a node than in all': ({'GPUS': '2', 'GPUS_PER_NODE': '4'}, 'GPUS_PER_NODE (of GPUS=2)=4'),
    'no CPU': ({'CPUS_PER_TASK': '0'}, 'CPUS_PER_TASK=0: wanted'),
    'no port': ({'PORT': '99999'}, 'PORT=99999: wanted'),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('c.py', 'k.pth'):
        (tmp_path / name).touch()
    return tmp_path


def require_sentence(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1 and said in done.stderr


@pytest.mark.parametrize('case', REFUSED)
def test_wrong_arguments_and_variables_are_a_sentence(folder: Path, case: str) -> None:
    (script, *arguments), variables, said = REFUSED[case]
    require_sentence(run(folder, 'bash', TOOLS / script, *arguments, **variables), said)


@pytest.mark.parametrize('case', REFUSED_WITH_SRUN)
def test_sizes_of_a_job_that_cannot_be(folder: Path, case: str) -> None:
    variables, said = REFUSED_WITH_SRUN[case]
    (folder / 'srun').write_text('#!/bin/bash\necho started')
    (folder / 'srun').chmod(0o755)
    path = f'{folder}{os.pathsep}{os.environ["PATH"]}'
    require_sentence(run(folder, 'bash', TOOLS / SLURM[0], *SLURM[1:], PATH=path, **variables), said)
    assert run(folder, 'bash', TOOLS / SLURM[0], *SLURM[1:], PATH=path, GPUS='08').stdout == 'started\n'


def test_too_few_arguments_are_the_usage(folder: Path) -> None:
    for script, *arguments in (TRAIN, TEST, SLURM):
        done = run(folder, 'bash', TOOLS / script, *arguments[:-1])
        assert done.returncode == 2 and done.stderr.startswith('usage: ')


@pytest.mark.parametrize(('end', 'said'), [('sys.exit(3)', 'status 3'), ('os.kill(os.getpid(), 9)', 'SIGKILL')])
def test_the_end_of_a_failed_run_is_a_sentence(folder: Path, end: str, said: str) -> None:
    """torchrun's own is a traceback of forty lines behind what the process has said."""
    (folder / 'job.py').write_text(f'import os, sys\nprint("error: what is wrong", file=sys.stderr, flush=True)\n{end}')
    done = run(folder, sys.executable, TOOLS / 'start_ranks.py', '--standalone', '--nproc_per_node=1', 'job.py')
    assert done.returncode == (3 if '3' in end else 1)
    assert 'Traceback' not in done.stderr and 'error: what is wrong\n' in done.stderr
    assert said in done.stderr.splitlines()[-1] and done.stderr.splitlines()[-1].startswith(
        'error: process 0 of the run'
    )
