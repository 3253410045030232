"""A synthetic data set takes its place whole, also behind a link, and never that of something else."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from dos_mm3d.errors import OutputExistsError
from dos_mm3d.miniatures.staging import MANIFEST, SyntheticPlan, write_data_set


@dataclass(frozen=True)
class Plan(SyntheticPlan):
    KIND: ClassVar[dict] = {'generator': 1}


def fill(folder: Path) -> None:
    (folder / 'a').write_text('new')


def test_a_link_stays_one_and_what_it_points_to_is_written(tmp_path):
    (tmp_path / 'disk').mkdir()
    (tmp_path / 'link').symlink_to('disk')
    write_data_set(tmp_path / 'link', Plan(), fill, force=False)
    assert (tmp_path / 'link').is_symlink() and (tmp_path / 'disk/a').read_text() == 'new'
    write_data_set(tmp_path / 'link', Plan(seed=1), fill, force=True)
    assert json.loads((tmp_path / 'disk' / MANIFEST).read_text())['seed'] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ['disk', 'link']


@pytest.mark.parametrize('manifest', ['[1]', '{}', '{"name": "mine"}', 'null', '{"gene'])
def test_even_force_replaces_no_folder_of_something_else(tmp_path, manifest):
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / MANIFEST).write_text(manifest)
    with pytest.raises(OutputExistsError, match='whose folder it is is unknown'):
        write_data_set(tmp_path / 'mine', Plan(), fill, force=True)
    assert [path.name for path in (tmp_path / 'mine').iterdir()] == [MANIFEST]
