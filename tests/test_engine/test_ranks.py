"""A launcher and its environment must agree; what is said when they do not."""

import pytest

from dos_mm3d.engine.ranks import check_launcher, is_first_rank
from dos_mm3d.errors import UserError

VARIABLES = (
    'RANK', 'WORLD_SIZE', 'SLURM_PROCID', 'SLURM_STEP_NUM_TASKS', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_SIZE',
)  # fmt: skip
REFUSED = {
    'torchrun without --launcher': ('none', dict(RANK='1', WORLD_SIZE='2'), r'WORLD_SIZE=2 .* --launcher pytorch'),
    'srun without --launcher': ('none', dict(SLURM_PROCID='0', SLURM_STEP_NUM_TASKS='8'), '--launcher slurm'),
    'mpirun without --launcher': ('none', dict(OMPI_COMM_WORLD_RANK='0', OMPI_COMM_WORLD_SIZE='2'), '--launcher mpi'),
    'no torchrun': ('pytorch', {}, r'WORLD_SIZE .* none\. .*dist_train\.sh'),
    'no rank': ('pytorch', dict(WORLD_SIZE='2'), r'RANK .* none\. .*dist_train\.sh'),
    'an empty rank': ('pytorch', dict(RANK='', WORLD_SIZE='2'), r"RANK .* ''\."),
    'no number': ('none', dict(RANK='x', WORLD_SIZE='two'), r"WORLD_SIZE .* 'two'\."),
    'no srun': ('slurm', {}, r'slurm_train\.sh'),
}


@pytest.fixture
def environment(monkeypatch):
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
        ('pytorch', dict(RANK='1', WORLD_SIZE='2')),
        ('slurm', dict(SLURM_PROCID='3', SLURM_STEP_NUM_TASKS='8')),
    ],
)
def test_agreement_passes(environment, launcher, variables):
    environment(**variables)
    check_launcher(launcher)


def test_the_first_rank_is_the_only_one_or_number_0(environment):
    for variables, first in (({}, True), (dict(RANK=''), True), (dict(RANK='0'), True), (dict(RANK='1'), False)):
        environment(**variables)
        assert is_first_rank() is first
    environment(SLURM_PROCID='2')
    assert not is_first_rank()
