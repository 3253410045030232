"""The quickstart's whole chain at tiny size, as a user runs it, twice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dos_mm3d.studies.quickstart.choices import BACKBONES

ROOT = Path(__file__).resolve().parents[2]
DETECTION = (['mAP', 'NDS'], 10, 5)
SEGMENTATION = (['mIoU'], 16, 4)


def quickstart(work_dir: Path, backbone: str) -> subprocess.CompletedProcess:
    command = [sys.executable, 'tools/quickstart.py', '--tiny', '--work-dir', str(work_dir), '--backbone', backbone]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize('backbone', BACKBONES)
def test_whole_chain_and_that_it_is_not_repeated(tmp_path: Path, backbone: str) -> None:
    keys, classes, pictures = SEGMENTATION if backbone == 'minkunet' else DETECTION
    first = quickstart(tmp_path, backbone)
    assert first.returncode == 0, first.stdout + first.stderr
    report = json.loads((tmp_path / 'report.json').read_text())
    probed = {row['name']: row['entries']['miou']['mean'] for row in report['probe']['rows']}
    assert {'raw', 'random', 'random_raw', 'handcrafted', 'dos', 'dos_raw'} <= set(probed)
    assert all(0 < miou <= 100 for miou in probed.values())
    assert [column['title'] for column in report['finetune']['columns']] == keys
    assert [row['name'] for row in report['finetune']['rows']] == ['scratch', 'dos_synthetic']
    for row in report['finetune']['rows']:
        assert len(next(iter(row['entries'].values()))['per_class']) == classes
    difference = report['finetune']['differences'][0]
    assert (difference['unfair'], difference['same_batches']) == ({}, [0])
    assert report['pretrain']['steps'] == 4
    assert {'seconds', 'loss_first', 'loss_last'} <= set(report['pretrain'])
    assert {'versions', 'seed'} <= set(report)
    assert (tmp_path / 'report.html').read_text().count('data:image/png') == pictures
    moved = tmp_path.parent / f'{tmp_path.name}_moved'
    tmp_path.rename(moved)
    again = quickstart(moved, backbone)
    assert again.returncode == 0
    assert again.stdout.count('inputs are unchanged') == 6
    assert '6 done before, 0 to do' in again.stdout
