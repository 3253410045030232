"""A launcher and its environment must agree; what is said when they do not."""

import atexit
import os
from types import SimpleNamespace

import pytest
import torch

from dos_mm3d.engine import launch, ranks
from dos_mm3d.engine.ranks import check_launcher, is_first_rank, meet_here
from dos_mm3d.errors import UserError

TORCHRUN = dict(RANK='1', WORLD_SIZE='2', LOCAL_RANK='1', MASTER_ADDR='127.0.0.1', MASTER_PORT='29500')
SRUN = dict(SLURM_PROCID='3', SLURM_STEP_NUM_TASKS='8', SLURM_NTASKS='8', SLURM_NODELIST='a[1-2]')
MPIRUN = dict(
    OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_SIZE='2', OMPI_COMM_WORLD_LOCAL_SIZE='2', OMPI_COMM_WORLD_LOCAL_RANK='0'
)
OTHERS = ('PMI_SIZE', 'PMI_RANK', 'MV2_COMM_WORLD_SIZE', 'MV2_COMM_WORLD_RANK', 'TORCHELASTIC_RUN_ID')
VARIABLES = (*TORCHRUN, *SRUN, *MPIRUN, *OTHERS)
REFUSED = {
    'torchrun without --launcher': ('none', dict(RANK='1', WORLD_SIZE='2'), r'WORLD_SIZE=2 .* --launcher pytorch'),
    'srun without --launcher': ('none', dict(SLURM_PROCID='0', SLURM_STEP_NUM_TASKS='8'), '--launcher slurm'),
    'mpirun without --launcher': ('none', dict(OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_SIZE='2'), '--launcher mpi'),
    'no torchrun': ('pytorch', {}, r'WORLD_SIZE .* none\. .*dist_train\.sh'),
    'no number of a process alone': ('none', dict(LOCAL_RANK='x'), r"LOCAL_RANK='x' .* unset it"),
    'no rank': ('pytorch', dict(WORLD_SIZE='2'), r'RANK .* none\. .*dist_train\.sh'),
    'an empty rank': ('pytorch', dict(RANK='', WORLD_SIZE='2'), r"RANK .* ''\."),
    'no number': ('none', dict(RANK='x', WORLD_SIZE='two'), r"^WORLD_SIZE='two' and RANK='x' are .* unset both, or"),
    'no srun': ('slurm', {}, r'slurm_train\.sh'),
    'no address': ('pytorch', {**TORCHRUN, 'MASTER_ADDR': ''}, r'reads MASTER_ADDR .* none\. .*dist_train\.sh'),
    'no port': ('pytorch', {**TORCHRUN, 'MASTER_PORT': 'x'}, r"MASTER_PORT .* 'x'\."),
    'a port that is none': ('pytorch', {**TORCHRUN, 'MASTER_PORT': '70000'}, r'MASTER_PORT=70000: .*1 to 65535'),
    'port 0 for two': ('pytorch', {**TORCHRUN, 'MASTER_PORT': '0'}, r'MASTER_PORT=0: .*1 to 65535'),
    'a machine of no name': ('pytorch', {**TORCHRUN, 'MASTER_ADDR': 'no such.invalid'}, r'knows no other of that name'),
    'a digit that is no number': ('none', dict(RANK='\u00b2', WORLD_SIZE='\u00b2'), r"^WORLD_SIZE='\u00b2' and "),
    'less than none': ('none', dict(RANK='0', WORLD_SIZE='-1'), r"^WORLD_SIZE='-1' and RANK='0' .*dist_train\.sh"),
    'what cannot be a name': (
        'pytorch',
        {**TORCHRUN, 'MASTER_ADDR': 'a..b'},
        r'MASTER_ADDR=a\.\.b: .*no other of that',
    ),
    'fewer of srun than of the job': (
        'slurm',
        {**SRUN, 'SLURM_NTASKS': '16'},
        '8 processes, and SLURM_NTASKS=16',
    ),
    'torchrun within srun': ('slurm', {**SRUN, 'TORCHELASTIC_RUN_ID': 'none'}, 'torchrun .*say --launcher pytorch'),
    'mpirun of MPICH': ('none', dict(PMI_RANK='1', PMI_SIZE='2'), r"PMI_SIZE=2 .*MPICH's .*dist_train\.sh"),
    'an empty local rank': ('pytorch', {**TORCHRUN, 'LOCAL_RANK': ''}, r"LOCAL_RANK .* ''\."),
    'more ranks than processes': ('pytorch', {**TORCHRUN, 'RANK': '2'}, r'RANK=2 of WORLD_SIZE=2 .* count from 0'),
    'several machines of mpirun': (
        'mpi',
        {**MPIRUN, 'OMPI_COMM_WORLD_LOCAL_SIZE': '1'},
        r'reads MASTER_ADDR .* first machine',
    ),
}


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.setattr(ranks, 'MOMENT_S', 0)

    def put(**variables: str) -> None:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


@pytest.mark.parametrize('case', sorted(REFUSED))
def test_a_disagreement_is_one_sentence_with_the_command_that_was_meant(environment, case):
    launcher, variables, message = REFUSED[case]
    environment(**variables)
    with pytest.raises(UserError, match=message):
        check_launcher(launcher)


@pytest.mark.parametrize(
    ('launcher', 'variables'),
    [
        ('none', {}),
        ('none', dict(RANK='0', WORLD_SIZE='1')),
        ('none', dict(SLURM_PROCID='0', SLURM_NTASKS='8')),  # in a batch script, without srun
        ('none', dict(RANK='1')),  # of nothing that is known
        ('none', dict(WORLD_SIZE='2')),
        ('none', dict(RANK='', WORLD_SIZE='')),  # what a shell leaves of none
        ('none', dict(RANK='0', WORLD_SIZE='')),
        ('none', dict(SLURM_PROCID='', SLURM_STEP_NUM_TASKS='')),
        ('pytorch', TORCHRUN),
        ('slurm', SRUN),
        ('mpi', MPIRUN),
        ('none', dict(PMI_RANK='0', PMI_SIZE='1')),  # one process of Intel's mpirun
        ('pytorch', dict(RANK='0', WORLD_SIZE='1', LOCAL_RANK='0', MASTER_ADDR='localhost', MASTER_PORT='0')),
    ],
)
def test_agreement_passes(environment, launcher, variables):
    environment(**variables)
    meet_here(launcher)
    check_launcher(launcher)


@pytest.mark.parametrize('check', [ranks.require_alone, lambda: check_launcher('none')])
def test_an_empty_local_rank_is_none(environment, check):
    environment(LOCAL_RANK='')
    check()
    assert 'LOCAL_RANK' not in os.environ, "mmengine's logger reads it"


@pytest.mark.parametrize(
    ('variables', 'first'),
    [
        ({}, True),
        (dict(RANK='\u00b2', WORLD_SIZE='\u00b3'), True),
        (dict(RANK='', WORLD_SIZE='2'), True),
        (dict(RANK='0', WORLD_SIZE='2'), True),
        (dict(RANK='1', WORLD_SIZE='2'), False),
        (dict(RANK='1'), True),  # of one process, which left that in the environment
        (dict(SLURM_PROCID='2', SLURM_STEP_NUM_TASKS='8'), False),
        (dict(SLURM_PROCID='1', SLURM_STEP_NUM_TASKS='2', RANK='0', WORLD_SIZE='16'), True),  # torchrun counts anew
        (dict(SLURM_PROCID='0', SLURM_STEP_NUM_TASKS='2', RANK='8', WORLD_SIZE='16'), False),
    ],
)
def test_the_first_rank_is_the_only_one_or_number_0(environment, variables, first):
    environment(**variables)
    assert is_first_rank() is first


@pytest.mark.parametrize(
    'variables',
    [
        dict(RANK='1', WORLD_SIZE='2'),
        dict(SLURM_PROCID='0', SLURM_STEP_NUM_TASKS='8'),
        dict(OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_SIZE='2'),
        dict(PMI_RANK='1', PMI_SIZE='2'),
    ],
)
def test_a_tool_of_one_process_is_refused_in_several(environment, capsys, variables):
    environment(**variables)
    done = []
    with pytest.raises(SystemExit):
        launch.run_tool(lambda: done.append(1))
    assert not done and 'this tool works in one' in capsys.readouterr().err
    environment(**dict.fromkeys(variables, '1'))
    launch.run_tool(lambda: done.append(1))
    assert done == [1]


@pytest.mark.parametrize(('launcher', 'variables'), [('pytorch', TORCHRUN), ('mpi', MPIRUN), ('slurm', SRUN)])
def test_more_processes_than_gpus_are_said(environment, monkeypatch, launcher, variables):
    """srun's are shared out by mmengine, as many as there are."""
    environment(**{**variables, 'OMPI_COMM_WORLD_LOCAL_RANK': '1'})
    meet_here(launcher)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    check_launcher(launcher)
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    if launcher == 'slurm':
        check_launcher(launcher)
        return
    with pytest.raises(UserError, match='2 processes or more were started on a machine of 1 GPUs'):
        check_launcher(launcher)


def test_what_is_wrong_for_all_is_said_by_the_first(environment, monkeypatch, capsys):
    waited = []
    monkeypatch.setattr(ranks.time, 'sleep', waited.append)

    def refuse() -> None:
        raise UserError('no')

    for rank in '10':
        environment(**{**TORCHRUN, 'RANK': rank})
        with pytest.raises(SystemExit):
            launch.run_tool(refuse, in_ranks=True)
        assert len(waited) == 1 and capsys.readouterr().err == 'error: no\n'


def test_a_message_needs_no_logger(environment, capsys, monkeypatch):
    """Making one reads LOCAL_RANK, of which the message may be."""
    monkeypatch.setattr(launch.MMLogger, '_instance_dict', {})
    environment(LOCAL_RANK='x')

    def refuse() -> None:
        raise UserError('LOCAL_RANK is no number')

    with pytest.raises(SystemExit, match='1'):
        launch.run_tool(refuse, in_ranks=True)
    assert capsys.readouterr().err == 'error: LOCAL_RANK is no number\n'


def test_the_end_of_a_rank_calls_what_is_registered_for_it(tmp_path, monkeypatch):
    """Loggers write their last numbers there."""
    many = SimpleNamespace(
        is_available=lambda: True, is_initialized=lambda: True, get_world_size=lambda: 2, barrier=lambda: None
    )
    monkeypatch.setattr(ranks, 'distributed', many)
    if (child := os.fork()) == 0:
        atexit._clear()  # what pytest and others have registered is not this child's
        atexit.register((tmp_path / 'called').touch)
        ranks.leave_ranks()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert (tmp_path / 'called').exists()
