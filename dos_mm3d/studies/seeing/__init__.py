"""Sweeps as a checkpoint sees them, and what is written of that."""
