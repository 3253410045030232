"""Experiments over the core: ablations, protocols, the quickstart, the check of all configs."""
