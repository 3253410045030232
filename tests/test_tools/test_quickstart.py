"""The quickstart's whole chain at tiny size, as a user runs it, twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dos_mm3d.studies.quickstart.choices import BACKBONES

ROOT = Path(__file__).resolve().parents[2]
DETECTION = ('detection', {'mAP', 'NDS'}, 'AP', 5)
TASK_OF = {'minkunet': ('segmentation', {'mIoU'}, 'IoU', 4)}


def quickstart(work_dir: Path, backbone: str) -> subprocess.CompletedProcess:
    command = [sys.executable, 'tools/quickstart.py', '--tiny', '--work-dir', str(work_dir), '--backbone', backbone]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize('backbone', BACKBONES)
def test_whole_chain_and_that_it_is_not_repeated(tmp_path: Path, backbone: str) -> None:
    task, keys, per_class, pictures = TASK_OF.get(backbone, DETECTION)
    first = quickstart(tmp_path, backbone)
    assert first.returncode == 0, first.stdout + first.stderr
    report = json.loads((tmp_path / 'report.json').read_text())
    for row in ('raw', 'random', 'random_raw', 'handcrafted', 'dos', 'dos_raw'):
        assert 0 < report['probe'][row]['miou'] <= 100
    for start in ('scratch', 'dos'):
        assert keys <= set(report[task][start])
        assert len(report[task][start][per_class]) == (10 if task == 'detection' else 16)
    assert report[task]['seeds'][0]['same_initial_head']
    assert report[task]['seeds'][0]['same_inputs']
    assert report['pretrain']['steps'] == 4
    assert {'seconds', 'loss_first', 'loss_last'} <= set(report['pretrain'])
    assert {'versions', 'seed'} <= set(report)
    assert (tmp_path / 'report.html').read_text().count('data:image/png') == pictures
    again = quickstart(tmp_path, backbone)
    assert again.returncode == 0
    assert again.stdout.count('inputs are unchanged') == 7
    assert '7 done before, 0 to do' in again.stdout
