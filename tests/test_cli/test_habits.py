"""How every command ends and what it says: Ctrl-C, --quiet, colours."""

from pathlib import Path

import pytest
from mmengine.logging import MMLogger
from mmengine.logging.logger import MMFormatter
from termcolor.termcolor import can_colorize

from dos_mm3d.engine import launch
from dos_mm3d.progress import QUIET


def test_ctrl_c_is_one_word_and_130(capsys: pytest.CaptureFixture) -> None:
    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        launch.run_tool(work)
    assert end.value.code == 130
    assert capsys.readouterr().err.strip() == 'interrupted'


@pytest.mark.parametrize('quiet', [False, True])
def test_a_quiet_run_shows_warnings_and_logs_all(
    quiet: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv(QUIET, '1' if quiet else '')
    with launch.quiet_screen():
        print('built')
        logger = MMLogger.get_instance(tmp_path.name, log_file=str(tmp_path / 'log'))
    try:
        logger.info('step 1')
        logger.warning('beware')
        shown = capsys.readouterr()
    finally:
        del MMLogger._instance_dict[tmp_path.name]
    if quiet:
        assert (shown.out, shown.err.strip()) == ('', 'beware')
    else:
        assert all(word in shown.out for word in ('built', 'step 1', 'beware')) and shown.err == ''
    assert all(word in (tmp_path / 'log').read_text() for word in ('step 1', 'beware'))


@pytest.mark.parametrize(('variable', 'coloured'), [('FORCE_COLOR', True), ('NO_COLOR', False)])
def test_no_color_is_obeyed_by_the_log(variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ('NO_COLOR', 'ANSI_COLORS_DISABLED'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('FORCE_COLOR', '1')
    monkeypatch.setenv(variable, '1')
    can_colorize.cache_clear()
    try:
        assert ('\x1b' in MMFormatter(color=True).info_format) is coloured
    finally:
        can_colorize.cache_clear()
