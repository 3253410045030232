"""A report in a real browser: tables sort, a page within it is alive, and it fits a telephone."""

from pathlib import Path

import pytest

from dos_mm3d.studies.runner.markdown import markdown_table
from dos_mm3d.studies.runner.report_html import page_here, render_page
from dos_mm3d.visualization.viewed import ViewedSweep, Words
from dos_mm3d.visualization.viewer import viewer_page
from tests.helpers.browser import CHROMIUM, Page, opened
from tests.test_visualization.test_viewer import cloud

ROWS = [('b', '9.5 ± 1.0', '-'), ('a', '27.3 ± 0.8', '-1.5'), ('c', 'not run', '+0.2'), ('d', '-3.0', '11')]


def column(page: Page, number: int) -> list[str]:
    return page.value(f"[...document.querySelectorAll('td:nth-child({number})')].map(cell => cell.textContent)")


@pytest.mark.skipif(CHROMIUM is None, reason='no Chromium here: apt-get install chromium')
def test_tables_sort_and_it_fits_a_telephone(tmp_path: Path) -> None:
    long = ('a heading that is long', *(f'number {i} of many' for i in range(8)))
    parts = [
        markdown_table(('name', 'value', 'gain'), ROWS),
        page_here('scan', 'to turn'),
        '| ' + ' | '.join(long) + ' |\n| ' + ' | '.join(['---'] * 9) + ' |',
        'a `' + 'long_path/' * 20 + '`',
    ]
    scan = viewer_page([ViewedSweep('scan', cloud(0))], Words())
    path, profile = tmp_path / 'report.html', tmp_path / 'profile'
    path.write_text(render_page('Report', '\n\n'.join(parts), {'scan': scan}))
    profile.mkdir()
    with opened(path, profile, width=1280, height=900) as page:
        heads = page.boxes('table:first-of-type th')[:3]

        def click(number: int) -> list[str]:
            x, y, width, height = heads[number]
            page.click(x + width / 3, y + height / 2)
            return column(page, 1)

        assert click(0) == ['a', 'b', 'c', 'd']
        assert click(1) == ['a', 'b', 'd', 'c'], 'the largest number first, what is none last'
        assert click(1) == ['d', 'b', 'a', 'c']
        assert column(page, 3) == ['11', '-', '-1.5', '+0.2'], 'a row was torn apart'
        assert page.value("document.querySelectorAll('[aria-sort]').length") == 1
        shot = page.screenshot()
        (x, y, width, height) = (round(number) for number in page.boxes('iframe')[0])
        assert len({tuple(pixel) for pixel in shot[y : y + height, x : x + width].reshape(-1, 3)[::7]}) > 20, 'no scan'
        page.resize(390, 844)
        assert page.value('document.documentElement.scrollWidth') <= 390
        before = page.boxes('table:nth-of-type(2) th')
        assert page.value(
            "(wide => { wide.scrollLeft = 90; return wide.scrollLeft })(document.querySelectorAll('table')[1])"
        )
        after = page.boxes('table:nth-of-type(2) th')
        assert after[0] == before[0], 'the names of the rows have gone'
        assert after[1][0] == before[1][0] - 90
        name, value = page.boxes('td:nth-child(1)')[0], page.boxes('td:nth-child(2)')[0]
        assert value[3] == name[3], 'a value stands on two lines'
        assert page.complaints == []
