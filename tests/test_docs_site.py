"""The site of the documentation: builds without a warning, loads nothing from elsewhere, has equations and the API."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from tests.helpers.doc_references import ROOT

LOADED = re.compile(r'<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)="([^"]+)"')
LINK_TO_A_PAGE = re.compile(r'<link[^>]*rel="(?:canonical|prev|next)"')
MOST_BYTES, MOST_BYTES_TOGETHER = 500_000, 5_000_000


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the built site; a warning of mkdocs or of what reads docstrings ends the build."""
    folder = tmp_path_factory.mktemp('site')
    build(load_config(str(ROOT / 'mkdocs.yml'), site_dir=str(folder), strict=True))
    return folder


def test_every_page_has_its_place(site: Path) -> None:
    pages = {path.relative_to(ROOT / 'docs').with_suffix('.html') for path in (ROOT / 'docs').rglob('*.md')}
    pages |= {Path(name) for name in ('index.html', 'changelog.html', 'contributing.html')}
    assert {path for path in pages if not (site / path).is_file()} == set()


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    loaded = {
        url
        for page in site.rglob('*.html')
        for tag in re.findall(r'<[^>]+>', page.read_text())
        if not LINK_TO_A_PAGE.match(tag)
        for url in LOADED.findall(tag)
    }
    styles = {url for css in site.rglob('*.css') for url in re.findall(r'url\(["\']?([^"\')]+)', css.read_text())}
    assert {url for url in loaded | styles if urlsplit(url).netloc} == set()
    assert any(url.endswith('.js') for url in loaded)


def test_equations_are_mathml(site: Path) -> None:
    source, page = (ROOT / 'docs' / 'method.md').read_text(), (site / 'method.html').read_text()
    assert page.count('display="block"') == source.count('```math') > 3
    assert page.count('display="inline"') == source.count('$`') > 10
    assert '$`' not in page and '\\frac' not in page and '>&<' not in page


def test_lists_stay_whole(site: Path) -> None:
    """Our pages indent by the width of the marker, Python's Markdown wants four columns."""
    steps = re.search(r'id="one-training-step".*?<ol>(.*?)</ol>', (site / 'method.html').read_text(), flags=re.DOTALL)
    assert len(re.findall(r'<li>', steps[1])) == 7 and 'display="block"' in steps[1]
    recipe = re.search(
        r'id="add-a-backbone".*?<ol>(.*?)</ol>', (site / 'architecture.html').read_text(), flags=re.DOTALL
    )
    assert recipe[1].count('<ul>') >= 2 and 'class MyAdapter' in re.sub(r'<[^>]+>', '', recipe[1])


def test_functions_are_listed_from_their_docstrings(site: Path) -> None:
    for page, name in {
        'functional': 'dos_mm3d.functional.sinkhorn.zipf_sinkhorn',
        'heads': 'dos_mm3d.models.heads.zipf_sinkhorn.ZipfSinkhornHead',
        'hooks': 'dos_mm3d.engine.hooks.dos.DOSHook',
        'export': 'dos_mm3d.export.backbone.export_backbone',
        'metrics': 'dos_mm3d.metrics.kitti.det_metric.KittiMetric',
    }.items():
        assert f'id="{name}"' in (site / 'api' / f'{page}.html').read_text(), name


def test_pictures_are_small() -> None:
    sizes = {
        path: path.stat().st_size
        for kind in ('png', 'jpg', 'svg', 'gif')
        for path in (ROOT / 'docs').rglob(f'*.{kind}')
    }
    assert {path for path, size in sizes.items() if size > MOST_BYTES} == set()
    assert 0 < sum(sizes.values()) <= MOST_BYTES_TOGETHER


@pytest.mark.parametrize('picture', sorted((ROOT / 'docs' / 'img').iterdir()), ids=lambda picture: picture.name)
def test_a_picture_is_shown_and_its_command_stands_beside_it(picture: Path) -> None:
    """On the page that shows it a tool is called at most 15 lines away."""
    pages = [ROOT / 'README.md', *(ROOT / 'docs').rglob('*.md')]
    shown = [(page, page.read_text().splitlines()) for page in pages]
    places = [(lines, at) for _, lines in shown for at, line in enumerate(lines) if f'img/{picture.name})' in line]
    assert places, f'no page shows {picture.name}'
    for lines, at in places:
        assert re.search(r'python tools/\w+\.py', '\n'.join(lines[max(at - 15, 0) : at + 15]))
