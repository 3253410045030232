"""Which scans are labelled: nested within a draw, independent between draws, the same for whoever asks."""

from dataclasses import asdict

import pytest

from dos_mm3d.probe.probe import ProbeSettings, draw_scans
from dos_mm3d.studies.protocols.draws import Draws, flat

GOLDEN = [[7, 9], [2, 3], [0, 11]]
FEW = Draws({'k1': 1, 'k5': 5, 'k10': 10, 'k20': 20}, n=6, nested=True)


def test_fewer_scans_of_a_draw_are_among_its_more() -> None:
    found = FEW.of(60)
    for fewer, more in (('k1', 'k5'), ('k5', 'k10'), ('k10', 'k20')):
        assert all(set(a) < set(b) for a, b in zip(found[fewer], found[more], strict=True))
    assert [len(set(draw)) for draw in flat(found)] == [1] * 6 + [5] * 6 + [10] * 6 + [20] * 6
    assert [draw == sorted(draw) for draw in flat(found)] == [True] * 24


def test_draws_are_independent_of_each_other() -> None:
    """Two draws of 20 out of 60 share 6.7 scans on average; six draws of one scan are hardly one scan."""
    found = FEW.of(60)
    shared = [len(set(a) & set(b)) for i, a in enumerate(found['k20']) for b in found['k20'][:i]]
    assert 4 < sum(shared) / len(shared) < 9.5
    assert len({draw[0] for draw in found['k1']}) > 3


def test_a_draw_does_not_depend_on_what_else_is_drawn() -> None:
    alone = Draws({'k5': 5}, n=2, nested=True).of(60)
    assert alone['k5'] == FEW.of(60)['k5'][:2]
    assert FEW.of(60) == Draws(**asdict(FEW)).of(60)


def test_the_linear_probe_draws_as_it_always_did() -> None:
    """Two scans of twelve, as its records were made."""
    assert Draws({'miou': 2}, n=3, nested=False).of(12) == {'miou': GOLDEN}
    assert draw_scans(12, ProbeSettings(scans_per_draw=2, n_draws=3)) == GOLDEN


def test_more_scans_than_there_are() -> None:
    with pytest.raises(ValueError, match='20 labelled scans was asked for, there are 8'):
        FEW.of(8)
    with pytest.raises(ValueError, match='at least one draw of at least one scan, got 0'):
        Draws({'k1': 1}, n=0, nested=True)
    with pytest.raises(ValueError, match=r'several sizes .* are nested'):
        Draws({'k1': 1, 'k2': 2}, n=1, nested=False)
