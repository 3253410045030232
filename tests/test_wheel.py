"""What a wheel holds: the package, its configs, the index of the weights and the entry; and that it is enough."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHAIN = """
dos-mm3d synthetic --out data/tiny --train-scenes 2 --val-scenes 1 --seconds 1 --workers 1
dos-mm3d data nuscenes --root-path data/tiny --max-sweeps 2
dos-mm3d train dos/dos_second_synthetic.py --work-dir run --cfg-options data_root=data/tiny/ max_iters=2 batch_size=1
 train_dataloader.num_workers=0 train_dataloader.persistent_workers=False
dos-mm3d export run/iter_2.pth backbone.pth
dos-mm3d probe linear_probe --dataset synthetic --data-root synthetic=data/tiny --checkpoint run/iter_2.pth --scans 1
 --draws 1 --seeds 1 --bn-scans 1 --split test --quiet
"""


@pytest.fixture(scope='module')
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that a wheel is packed from."""
    folder = tmp_path_factory.mktemp('wheel')
    command = [sys.executable, 'setup.py', '-q', 'build_py', '--build-lib', str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def relative(folder: Path, pattern: str) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob(pattern) if '__pycache__' not in path.parts}


def test_a_wheel_has_configs_and_index_but_no_weights(built: Path) -> None:
    inside = built / 'dos_mm3d' / '.mim'
    assert relative(inside / 'configs', '*.py') == relative(ROOT / 'configs', '*.py')
    assert relative(inside / 'weights', '*') == {Path('index.json')}
    assert (built / 'dos_mm3d_entry.py').read_bytes() == (built / 'dos_mm3d/cli/dos_mm3d_entry.py').read_bytes()
    assert not list(built.rglob('*.pth')) and {path.name for path in built.iterdir()} == {
        'dos_mm3d',
        'dos_mm3d_entry.py',
    }


@pytest.mark.slow
def test_it_is_enough_for_the_main_job(built: Path, tmp_path: Path) -> None:
    """Outside of any checkout, as the console script calls it."""
    environment = {**os.environ, 'PYTHONPATH': str(built), 'OMP_NUM_THREADS': '1'}
    entry = [sys.executable, '-c', 'import dos_mm3d_entry; dos_mm3d_entry.main()']
    for line in CHAIN.strip().replace('\n ', ' ').splitlines():
        command = [*entry, *line.split()[1:]]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / 'backbone.pth').is_file()
    assert (tmp_path / 'work_dirs/protocols/linear_probe_synthetic/linear_probe_synthetic_test.json').is_file()
