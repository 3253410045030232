"""The planted worlds are what docs/results.md says they are, and their tables are of the record's numbers."""

import pytest
import torch

from dos_mm3d.studies.planted import planted_tables
from tests.references import planted_worlds as planted
from tests.references.planted_worlds import CLASSES, METHODS, PLACES, World, judged, pretrained, seen, views


@pytest.mark.parametrize('imbalance', [0.0, 1.0, 2.0])
def test_classes_have_the_shares_that_are_planted(imbalance):
    draw = torch.Generator().manual_seed(0)
    labels = torch.cat([World(imbalance).scene(draw)[0] for _ in range(100)])
    wanted = torch.arange(1, CLASSES + 1).double() ** -imbalance
    found = torch.bincount(labels, minlength=CLASSES) / len(labels)
    torch.testing.assert_close(found.double(), wanted / wanted.sum(), atol=0.02, rtol=0)


def test_segments_look_alike_within_and_differ_by_their_texture():
    classes, look = World(0.0, segment=8, texture=0.3).scene(torch.Generator().manual_seed(0))
    segments = look.view(-1, 8, look.shape[1])
    assert torch.equal(segments, segments[:, :1].expand_as(segments))
    spread = torch.stack([segments[classes[::8] == label, 0].std(0) for label in range(3)]).mean()
    assert 0.2 < float(spread) < 0.4


def test_nothing_is_told_of_a_hidden_place_but_for_its_position_with_tokens():
    hidden = torch.arange(PLACES) < 8
    look = torch.randn(2, PLACES, planted.CONTENT)
    assert not seen(look, 3, hidden)[:, :8].any()
    tokens = seen(look, 3, hidden, tokens=True)[:, :8]
    assert not tokens[..., : planted.CONTENT].any() and torch.equal(tokens[..., -1], torch.ones(2, 8))
    assert torch.equal(tokens[..., planted.CONTENT : -1], seen(look, 3)[:, :8, planted.CONTENT : -1])


@pytest.mark.parametrize(('shared', 'shifts'), [(True, {0}), (False, None)])
def test_positions_are_shared_where_the_world_says_so(shared, shifts):
    world, draw = World(1.0, shared_positions=shared), torch.Generator().manual_seed(0)
    scenes = torch.zeros(1, PLACES, planted.CONTENT)
    found = {shift for _ in range(5) for _, shift, _ in views(world, scenes, draw)}
    assert found == shifts if shared else len(found) > 5


@pytest.mark.parametrize('method', METHODS)
def test_every_method_moves_its_teacher_and_is_probed(method):
    before, after = (pretrained(World(1.0), method, 0, steps) for steps in (0, 2))
    weights = [parts[0][0].weight for parts in (before, after)]
    assert not torch.equal(*weights)
    result = judged(World(1.0), *after)
    assert 0 < result['miou'] < 100
    assert ('on_largest' in result) == (method != 'regression')


def test_the_tables_show_means_and_paired_differences():
    names = ['random', *METHODS]
    results = {
        name: [dict(miou=10.0 * row + seed, on_largest=4.0 + seed) for seed in (0, 2)] for row, name in enumerate(names)
    }
    titles = {name: title for name, (title, _) in METHODS.items()}
    record = dict(worlds=[dict(results=results)], titles=titles, seeds=2, steps=3, commit='a' * 40)
    text = planted_tables(record)
    assert '| random initialisation | 1.0 ± 1.4 |' in text
    assert '| observable, clustering against mask tokens, clustering | +10.0 [+10.0, +10.0] |' in text
    assert '| softmap, Zipf alpha 1.3 | 5.0 |' in text
