"""Collate and voxelise."""

from .views import ViewPreprocessor
