"""Pages, docstrings and comments name what exists: files, functions, sections, tools and their options."""

from pathlib import Path

import pytest

from tests.helpers.doc_references import (
    ROOT,
    broken_code,
    broken_commands,
    broken_links,
    broken_names,
    broken_pages,
    broken_paths,
    broken_sections,
    pages,
    prose,
    sources,
)

# written by tools at run time, or lying in other repositories
PAGES_ELSEWHERE = {'ladder.md'}


@pytest.mark.parametrize('page', pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def wrong_in(paths: list[Path]) -> dict[str, list[str]]:
    """File -> what it names and what does not exist."""
    wrong = {}
    for path in paths:
        found = [
            problem
            for text in prose(path)
            for problem in (
                *broken_paths(text),
                *broken_names(text),
                *broken_sections(text),
                *broken_commands(text),
                *(name for name in broken_pages(text, path.parent) if name not in PAGES_ELSEWHERE),
            )
        ]
        if found:
            wrong[str(path.relative_to(ROOT))] = found
    return wrong


def test_pages_name_what_exists() -> None:
    assert wrong_in(pages()) == {}


@pytest.mark.parametrize('page', pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_parse_and_import_what_exists(page: Path) -> None:
    assert broken_code(page.read_text()) == []


def test_docstrings_and_comments_name_what_exists() -> None:
    assert wrong_in(sources()) == {}


@pytest.mark.parametrize(
    ('check', 'right', 'wrong'),
    [
        (broken_paths, 'tools/train.py, configs/dos/dos_*_scannet.py', 'tools/trian.py'),
        (broken_paths, 'dos_mm3d/functional/{zipf,sinkhorn}.py', 'dos_mm3d/functional/{zipf,sinkhron}.py'),
        (broken_paths, 'dos_mm3d/functional/zipf.py:zipf_prior', 'dos_mm3d/functional/zipf.py:zipf_posterior'),
        (broken_paths, 'configs/backbones/NAME.py', 'configs/nothing_*.py'),
        (broken_paths, 'dos_mm3d/models/methods/dos.py:DOS.loss', 'dos_mm3d/models/methods/dos.py:DOS.lose'),
        (broken_paths, '`CONFIGS` of `tools/benchmarks/backbone.py`', '`KONFIGS`\nof `tools/benchmarks/backbone.py`'),
        (broken_names, ':class:`~dos_mm3d.models.methods.dos.DOS`', ':class:`~dos_mm3d.models.methods.dos.DAS`'),
        (broken_sections, 'docs/method.md, "Zipf-Sinkhorn"', 'docs/method.md, "Zipf-Sinkhorns"'),
        (broken_sections, 'as said\nin docs/method.md, A17', 'docs/method.md, A170'),
        (
            broken_code,
            '```python\nfrom dos_mm3d.studies.runner import Cell\n```',
            '```python\nfrom dos_mm3d import x.y\n```',
        ),
        (broken_code, '```python\nx = 1\n```', '```python\nfrom dos_mm3d.studies.runner import Sell\n```'),
        (broken_commands, 'python tools/train.py CONFIG --resume', 'python tools/train.py CONFIG --resmue'),
        (broken_commands, 'dos-mm3d convert pointcept a b --heads 2', 'dos-mm3d convert pointcept a b --hats 2'),
        (broken_commands, 'bash tools/check.sh --all-configs', 'bash tools/check.sh --every-config'),
    ],
)
def test_what_does_not_exist_is_found(check, right: str, wrong: str) -> None:
    assert check(right) == []
    assert len(check(wrong)) == 1


def test_a_page_that_is_nowhere_is_found() -> None:
    assert broken_pages('docs/method.md, README.md', ROOT) == []
    assert broken_pages('see dos.md 3.1', ROOT) == ['dos.md']
