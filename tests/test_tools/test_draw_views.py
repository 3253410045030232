"""tools/draw_views.py says in one line what it cannot draw, before it reads any data."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOS, DETECTOR = 'configs/dos/dos_second_synthetic.py', 'configs/centerpoint/centerpoint_small_synthetic.py'


@pytest.mark.parametrize(
    ('config', 'picture', 'more', 'said'),
    [
        (DOS, 'a.png', ['--position', '-1'], '--position -1: wanted 0 or more'),
        (DETECTOR, 'a.png', [], 'pretrains nothing'),
        (DOS, '.', [], 'is a folder; name a file to write'),
        (DOS, 'config.py', [], 'is no older result of this kind'),
    ],
)
def test_what_cannot_be_drawn_is_said(config, picture, more, said, tmp_path, monkeypatch, capsys):
    (tmp_path / 'config.py').write_text('model = dict()')
    monkeypatch.setattr(sys, 'argv', ['draw_views.py', str(ROOT / config), str(tmp_path / picture), *more])
    with pytest.raises(SystemExit, match='1'):
        runpy.run_path(str(ROOT / 'tools/draw_views.py'), run_name='__main__')
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ['config.py']
