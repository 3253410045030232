"""Frozen features under one linear layer, beside the baselines that need no pretraining."""
