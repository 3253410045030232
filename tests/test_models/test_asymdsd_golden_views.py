"""Masks, crops and patches of AsymDSD against numbers of its public code; see test_asymdsd_golden.py."""

from typing import Any

import pytest
import torch
from torch import Tensor

from dos_mm3d.functional.crops import CropDraw, crop_rows, draw_crop
from dos_mm3d.functional.patch_masking import block_sizes, inverse_block_mask, visible_blocks
from dos_mm3d.functional.patches import in_unit_sphere, patch_rows
from tests.helpers import asymdsd_golden as helper
from tests.helpers.asymdsd_golden import close

GLOBAL, LOCAL = (0.4, 1.0), (0.05, 0.4)
ASPECT = (0.33, 3.0)
MASKED = ('paper', 'mpm_best', 'own')


@pytest.fixture(scope='module')
def golden() -> dict[str, Any]:
    return helper.read()


def test_no_entry_is_left_out(golden):
    assert golden['e_masking'].keys() == {*MASKED, 'multi_mask'}
    assert golden['f_crops'].keys() == {'cloud', 'crops', 'stats_global', 'stats_local', 'stats_columns'}
    assert golden['f_crops']['stats_columns'].split() == ['mean', 'std', 'q05', 'q50', 'q95']
    assert golden['g_fps_knn'].keys() == {'cloud', 'cases'}
    assert golden['data'].keys() == {'clouds', 'global_crops', 'local_crops', 'mask'}


def ratios(entry: dict) -> dict[str, float]:
    return {name: entry[name] for name in ('mask_ratio', 'block_ratio', 'adjust_ratio')}


@pytest.mark.parametrize('name', MASKED)
def test_masks_of_given_draws(golden, name):
    entry = golden['e_masking'][name]
    size, count = block_sizes(entry['P'], **ratios(entry))
    stats = entry['stats']
    assert (size, count) == (stats['block_size'], stats['n_blocks'])
    visible = visible_blocks(entry['centres'], entry['u_centres'], size=size, count=count)
    assert torch.equal(visible, entry['visible_before'])
    mask = inverse_block_mask(entry['centres'], entry['u_centres'], entry['u_flip'], **ratios(entry))
    assert torch.equal(mask, entry['mask'])
    assert (mask.sum(1) == stats['n_masked']).all() and ((~mask).sum(1) == stats['n_visible']).all()


@pytest.mark.parametrize('name', MASKED)
def test_masks_of_own_draws_have_the_same_statistics(golden, name):
    """Over 3000 draws, but of a dozen clouds; one block more or less would move the mean by two sd."""
    entry = golden['e_masking'][name]
    stats = entry['stats']
    centres = entry['centres'].repeat(3000 // len(entry['centres']), 1, 1)
    generator = torch.Generator().manual_seed(0)
    draws, flips = torch.rand(2, *centres.shape[:2], generator=generator)
    size, count = block_sizes(entry['P'], **ratios(entry))
    visible = visible_blocks(centres, draws, size=size, count=count)
    mask = inverse_block_mask(centres, draws, flips, **ratios(entry))

    before = visible.sum(1).double()
    mean, sd, smallest, largest = stats['visible_before'].tolist()
    assert abs(before.mean() - mean) < 0.2 * sd and abs(before.std() / sd - 1) < 0.1
    assert abs(before.min() - smallest) <= size and before.max() == largest
    shown, hidden = (visible.logical_not() & ~mask).sum(1).double(), (visible & mask).sum(1).double()
    assert abs(shown.mean() - stats['flipped_to_visible']) < 0.2 * sd
    assert abs(hidden.mean() - stats['flipped_to_masked']) < 0.2 * sd
    assert abs(neighbour_visible(centres, ~mask) - stats['nearest_neighbour_visible']) < 0.04
    uniform = flips.argsort(1) >= mask.sum(1)[0]
    assert abs(neighbour_visible(centres, uniform) - stats['nearest_neighbour_visible_uniform']) < 0.04
    assert stats['agreement'] == 1  # of the file's two makers


def neighbour_visible(centres: Tensor, visible: Tensor) -> float:
    """Share of the visible patches whose nearest neighbour is visible."""
    distance = torch.cdist(centres, centres)
    distance.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    return float(visible.gather(1, distance.argmin(2))[visible].double().mean())


def test_several_masks_of_a_cloud(golden):
    """The draws come out of torch's generator in the order that the file states; a cloud's masks follow each other."""
    entry, paper = golden['e_masking']['multi_mask'], golden['e_masking']['paper']
    torch.manual_seed(entry['torch_seed'])
    *_, block_draws, flip_draws = (torch.rand(*shape) for shape in entry['draw_shapes'])
    assert torch.equal(block_draws, entry['u_centres']) and torch.equal(flip_draws, entry['u_flip'])
    centres = entry['centres'].repeat_interleave(len(block_draws) // len(entry['centres']), 0)
    assert torch.equal(inverse_block_mask(centres, block_draws, flip_draws, **ratios(paper)), entry['mask'])


def test_crops_of_given_draws(golden):
    cloud = golden['f_crops']['cloud']
    for crop in golden['f_crops']['crops']:
        draw = CropDraw(crop['rotation'], crop['scales'], crop['centre_index'], crop['fraction'])
        rows = crop_rows(cloud, draw, min_points=crop['n'])
        assert torch.equal(rows, crop['kept'].long())
        assert len(rows) == crop['kept_before_subsample']
        # which of them numpy's generator drew is not ours to repeat; without replacement, of those kept
        final = crop['final'].long()
        assert len(final.unique()) == crop['n'] and torch.isin(final, rows).all()


@pytest.mark.parametrize(('kind', 'share'), [('global', GLOBAL), ('local', LOCAL)])
def test_crops_of_own_draws_have_the_same_statistics(golden, kind, share):
    """600 crops against the file's 1500, without a smallest number of points, within 4 standard errors of both."""
    cloud = golden['f_crops']['cloud']
    generator = torch.Generator().manual_seed(0)
    draws = [draw_crop(len(cloud), share=share, aspect=ASPECT, generator=generator) for _ in range(600)]
    rows = [crop_rows(cloud, draw, min_points=1) for draw in draws]
    kept = torch.stack([torch.zeros(len(cloud), dtype=torch.bool).index_fill(0, one, True) for one in rows])
    boxes = torch.stack([cloud[one].amax(0) - cloud[one].amin(0) for one in rows]).norm(dim=1)
    before, after = kept[:-1], kept[1:]
    ours = dict(
        fraction=kept.double().mean(1),
        diagonal=boxes.double() / (cloud.amax(0) - cloud.amin(0)).norm(),
        iou_of_consecutive=(before & after).sum(1).double() / (before | after).sum(1),
    )
    stored = golden['f_crops'][f'stats_{kind}']
    assert stored.keys() == ours.keys()
    both = (1 / len(draws) + 1 / 1500) ** 0.5  # both sides are samples
    for name, values in ours.items():
        mean, sd, *quantiles = stored[name].tolist()
        error = sd * both
        assert abs(values.mean() - mean) < 4 * error, name
        assert abs(values.std() - sd) < 4 * error, name
        for share_below, quantile in zip((0.05, 0.5, 0.95), quantiles):
            allowed = 4 * both * (share_below * (1 - share_below)) ** 0.5
            # the share of ours below the file's quantile; at most, where many are equal to it
            assert (values < quantile - 1e-9).double().mean() < share_below + allowed, name
            assert (values <= quantile + 1e-9).double().mean() > share_below - allowed, name


def test_farthest_points_and_neighbours(golden):
    cloud = golden['g_fps_knn']['cloud']
    for case in golden['g_fps_knn']['cases']:
        centres, neighbours = patch_rows(cloud, case['P'], case['K'], start=case['start'])
        assert torch.equal(centres, case['centres'].long())
        assert torch.equal(neighbours, case['neighbours'].long())


def test_patches_of_the_crops(golden):
    """The same rows before and after the unit sphere, which keeps ratios of distances."""
    for kind in ('global', 'local'):
        stored = golden['data'][f'{kind}_crops']
        parts = (stored[name].flatten(0, 1) for name in ('points', 'centers_idx', 'patches_idx'))
        for points, centres, patches in zip(*parts):
            for cloud in (points, in_unit_sphere(points[None].double())[0]):
                num_patches, points_per_patch = patches.shape
                ours = patch_rows(cloud, num_patches, points_per_patch, start=int(centres[0]))
                assert torch.equal(ours[0], centres.long()) and torch.equal(ours[1], patches.long())


def test_the_batch_is_made_of_the_clouds(golden):
    """Sizes of the crops, and masks with as many patches hidden as the share says."""
    config, data = golden['config'], golden['data']
    assert data['clouds'].shape == (config['B'], config['N'], 3)
    for kind, count, (points, patches, size) in (
        ('global', 2, ('Np', 'P', 'K')),
        ('local', config['NL'], ('Nl', 'Pl', 'Kl')),
    ):
        stored = data[f'{kind}_crops']
        assert stored['points'].shape == (config['B'], count, config[points], 3)
        assert stored['patches_idx'].shape == (config['B'], count, config[patches], config[size])
    assert data['mask'].shape == (config['B'] * 2 * config['M'], config['P'])
    close(data['mask'].sum(1), torch.full((len(data['mask']),), round(config['mask_ratio'] * config['P'])), 0, 'mask')
