"""Convert a data set to what mmdet3d trains on: tools/create_data.py DATASET [--root-path FOLDER]."""

import os
import sys

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers
os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from dos_mm3d.cli.create_data import main
from dos_mm3d.engine.launch import run_tool

if __name__ == '__main__':
    run_tool(main)
