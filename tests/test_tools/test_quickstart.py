"""The quickstart's whole chain at tiny size, as a user runs it, twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def quickstart(work_dir: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, 'tools/quickstart.py', '--tiny', '--work-dir', str(work_dir)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_whole_chain_and_that_it_is_not_repeated(tmp_path: Path) -> None:
    first = quickstart(tmp_path)
    assert first.returncode == 0, first.stdout + first.stderr
    report = json.loads((tmp_path / 'report.json').read_text())
    for row in ('raw', 'random', 'random_raw', 'handcrafted', 'dos', 'dos_raw'):
        assert 0 < report['probe'][row]['miou'] <= 100
    for start in ('scratch', 'dos'):
        assert {'mAP', 'NDS'} <= set(report['detection'][start])
        assert len(report['detection'][start]['AP']) == 10
    assert report['detection']['seeds'][0]['same_initial_head']
    assert report['detection']['seeds'][0]['same_inputs']
    assert report['pretrain']['steps'] == 4
    assert {'seconds', 'loss_first', 'loss_last'} <= set(report['pretrain'])
    assert {'versions', 'seed'} <= set(report)
    assert (tmp_path / 'report.html').read_text().count('data:image/png') == 5
    again = quickstart(tmp_path)
    assert again.returncode == 0
    assert again.stdout.count('done before') == 7
