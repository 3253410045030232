"""One module per part that `tools/benchmark.py` measures."""
