"""Rows of a ladder, each a pretraining config, judged alike."""
