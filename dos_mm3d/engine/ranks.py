"""Several processes of one run: whether the launcher and its environment agree, which is the first, how they end."""

import atexit
import os
import socket
import sys
import time

import torch
from torch import distributed

from ..errors import InputError

MOMENT_S = 5
# how many processes a launcher has started, and which one this is; slurm sets the first for those of srun alone. The
# others may have started torchrun, whose numbers then count
_STARTED = {
    'pytorch': ('WORLD_SIZE', 'RANK'),
    'slurm': ('SLURM_STEP_NUM_TASKS', 'SLURM_PROCID'),
    'mpi': ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK'),
}
# what else mmengine reads: numbers, and other words
_NUMBERS = {
    'pytorch': ('LOCAL_RANK', 'MASTER_PORT'),
    'slurm': ('SLURM_NTASKS',),
    'mpi': ('OMPI_COMM_WORLD_LOCAL_RANK',),
}
_WORDS = {'pytorch': ('MASTER_ADDR',), 'slurm': ('SLURM_NODELIST',), 'mpi': ('MASTER_ADDR',)}
# MPICH, Intel MPI and MVAPICH count in variables that mmengine does not read
_STARTED_BY_OTHERS = {
    ('PMI_SIZE', 'PMI_RANK'): "MPICH's or Intel's mpirun",
    ('MV2_COMM_WORLD_SIZE', 'MV2_COMM_WORLD_RANK'): "MVAPICH's mpirun",
}
_COMMANDS = {
    'pytorch': 'bash tools/dist_train.sh CONFIG GPUS (or dist_test.sh)',
    'slurm': 'bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR',
    'mpi': 'mpirun -np GPUS python tools/train.py CONFIG --launcher mpi',
}


def check_launcher(launcher: str) -> None:
    """InputError where --launcher and the environment say different things about the number of processes."""
    if launcher != 'none':
        (size, rank), others = _STARTED[launcher], _NUMBERS[launcher]
        n, i, *_ = [_number(name, launcher) for name in (size, rank, *others)]
        if i >= n:
            raise InputError(
                f'{rank}={i} of {size}={n} processes: they count from 0. Start it with {_COMMANDS[launcher]}'
            )
        if launcher == 'slurm' and n != int(os.environ['SLURM_NTASKS']):
            raise InputError(
                f'srun has started {n} processes, and SLURM_NTASKS={os.environ["SLURM_NTASKS"]} is what they wait '
                f'for: give srun the number of tasks of the job, or start it with {_COMMANDS["slurm"]}'
            )
        if launcher != 'pytorch' and 'TORCHELASTIC_RUN_ID' in os.environ:
            raise InputError(
                f'torchrun has started this, and --launcher {launcher} would give those of one machine the same '
                'number: say --launcher pytorch'
            )
        for name in _WORDS[launcher]:
            _word(name, launcher)
        _check_meeting_point(n)
        if launcher != 'slurm':  # of which mmengine shares the GPUs of a machine out
            _require_gpu(int(os.environ[others[0]]))
        return
    _settle_local_rank()
    for other, (size, rank) in _STARTED.items():
        if not (os.environ.get(size) and os.environ.get(rank)):  # an empty one is what a shell leaves of none
            continue
        if not os.environ[size].isdecimal():
            raise InputError(
                f'{size}={os.environ[size]!r} and {rank}={os.environ[rank]!r} are in the environment, as of several '
                f'processes, and the first is no number of them: unset both, or start it with {_COMMANDS[other]}'
            )
        if int(os.environ[size]) > 1:
            raise InputError(
                f'{size}={os.environ[size]} processes were started without --launcher: each would do the whole run, '
                f'in one work_dir. Add --launcher {other}, as {_COMMANDS[other]} does'
            )
    for (size, rank), family in _STARTED_BY_OTHERS.items():
        if size in os.environ and rank in os.environ and os.environ[size] not in ('', '0', '1'):
            raise InputError(
                f'{size}={os.environ[size]} processes were started by {family}, which none of the launchers here knows:'
                f' each would do the whole run, in one work_dir. Start it with {_COMMANDS["pytorch"]}'
            )


def require_alone() -> None:
    """InputError where a launcher has started several processes of a tool that works in one."""
    _settle_local_rank()
    for size, rank in [*_STARTED.values(), *_STARTED_BY_OTHERS]:
        if rank in os.environ and os.environ.get(size, '') not in ('', '0', '1'):
            raise InputError(
                f'{size}={os.environ[size]} processes were started, and this tool works in one: each would write the '
                'same files. Start it without torchrun, srun or mpirun'
            )


def _settle_local_rank() -> None:
    """Of a process that no launcher has started: mmengine's logger reads the number all the same."""
    found = os.environ.get('LOCAL_RANK')
    if found == '':
        del os.environ['LOCAL_RANK']
    elif found is not None and not found.removeprefix('-').isdecimal():
        raise InputError(f'LOCAL_RANK={found!r} is in the environment, and is no number: unset it')


def _require_gpu(number: int) -> None:
    """InputError for a process of a machine that has GPUs, and none for this one."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else None
    if count is not None and number >= count:
        raise InputError(
            f'{number + 1} processes or more were started on a machine of {count} GPUs (CUDA_VISIBLE_DEVICES='
            f'{os.environ.get("CUDA_VISIBLE_DEVICES", "all")}): wanted one for each GPU at most'
        )


def let_the_first_speak() -> None:
    """In a rank that is not the first, wait a moment: what is wrong for all is said by the first, and with its end the
    launcher ends the others."""
    if not is_first_rank():
        time.sleep(MOMENT_S)


def _check_meeting_point(n: int) -> None:
    """InputError where the ranks of a run could only wait for each other for half an hour."""
    port = os.environ.get('MASTER_PORT', '29500')
    if not port.isdecimal() or not (n == 1 or int(port) > 0) or int(port) > 65535:
        raise InputError(f'MASTER_PORT={port}: wanted a free port of the first machine, 1 to 65535')
    if address := os.environ.get('MASTER_ADDR'):
        try:
            socket.getaddrinfo(address, None)
        except (OSError, UnicodeError) as error:  # the second of what cannot be a name
            raise InputError(
                f'MASTER_ADDR={address}: this machine knows no other of that name '
                f'({getattr(error, "strerror", None) or error}); set it to the name or number of the first machine'
            ) from error


def is_first_rank() -> bool:
    """Whether this process is the only one, or the first of several, before they are connected."""
    for size, rank in _STARTED.values():
        n, i = os.environ.get(size, ''), os.environ.get(rank, '')
        if n.isdecimal() and i.isdecimal() and int(n) > 1:
            return int(i) == 0
    return True


def meet_here(launcher: str) -> None:
    """Of mpirun on a single machine, say where its processes meet: mmengine wants the address even there."""
    if launcher == 'mpi' and os.environ.get('OMPI_COMM_WORLD_LOCAL_SIZE') == os.environ.get('OMPI_COMM_WORLD_SIZE'):
        os.environ.setdefault('MASTER_ADDR', '127.0.0.1')


def leave_ranks() -> None:
    """End a rank of several once all have come here, without the interpreter's own teardown, but with what is
    registered for it: loggers such as wandb write their last numbers there.

    Symptom (torch 2.13, gloo): rank 0 of a short run now and then aborts while the process is taken down ("terminate
    called without an active exception"), also after destroy_process_group, and torchrun calls a finished job failed.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return
    distributed.barrier()
    atexit._run_exitfuncs()  # logging.shutdown among them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _number(name: str, launcher: str) -> int:
    """An environment variable of a launcher as a number."""
    found = os.environ.get(name)
    if found is None or not found.isdecimal():
        raise InputError(
            f'--launcher {launcher} reads the number {name} from the environment, which has '
            f'{"none" if found is None else repr(found)}. Start it with {_COMMANDS[launcher]}'
        )
    return int(found)


def _word(name: str, launcher: str) -> None:
    if not os.environ.get(name):
        raise InputError(
            f'--launcher {launcher} reads {name} from the environment, which has none. Set it to the first machine, or '
            f'start it with {_COMMANDS[launcher]}'
        )
