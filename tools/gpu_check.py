"""Does this GPU machine work? tools/gpu_check.py [--out FOLDER] [--only CHECK ...]; what to do then: docs/gpu.md."""

import os
import sys

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')  # before libgomp loads: threads that spin starve loader workers
os.environ.setdefault('GOMP_SPINCOUNT', '1000')  # but for a moment: docs/benchmarks.md
os.environ.setdefault('PYTORCH_NVML_BASED_CUDA_CHECK', '1')  # the other way to ask for a GPU takes it from children
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from dos_mm3d.cli.gpu_check import main
from dos_mm3d.engine.launch import run_tool

if __name__ == '__main__':
    run_tool(main)
