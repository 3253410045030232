"""Readers of single sweeps in the formats that LiDAR sweeps come in; one entry point, `read_sweep`."""

from .base import BIN_COLUMNS, SUFFIXES, SWEEP_COLUMNS, ReadOptions, suffix_of
from .cleaning import Sweep
from .sweep import is_sweep_file, load_sweep, read_sweep
