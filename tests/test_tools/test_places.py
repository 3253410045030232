"""A folder that nothing can be written into is said before the work begins, by every tool that fills one."""

import pytest

from tests.helpers.in_process import tool_in_process

CALLS = {
    'check_configs': ['configs/dos/dos_second_synthetic.py', '--work-dir'],
    'fault_campaign': ['--short', '--out'],
    'quickstart': ['--tiny', '--work-dir'],
}


@pytest.mark.parametrize('tool', CALLS)
def test_a_file_in_the_place_of_the_folder_is_named(tool, tmp_path, monkeypatch, capsys):
    (tmp_path / 'file').touch()
    for place in (tmp_path / 'file', tmp_path / 'file' / 'within'):
        with pytest.raises(SystemExit):
            tool_in_process(tool, monkeypatch)(*CALLS[tool], place)
        assert f'error: {place}: nothing can be written there (Not a directory' in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [tmp_path / 'file']


def test_weights_are_added_from_any_folder(tmp_path, monkeypatch, capsys):
    """Its config is named relative to the repository, the checkpoint to where the user is."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        tool_in_process('build_zoo', monkeypatch)('second_small', 'no.pth', '--weights', 'w')
    assert f'error: {tmp_path}/no.pth: no such checkpoint file' in capsys.readouterr().err
