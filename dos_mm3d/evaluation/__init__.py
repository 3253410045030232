"""Metrics that mmdet3d lacks, the linear probe with its honest baselines, and the report of the quickstart."""
