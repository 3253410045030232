"""Collate and voxelise."""

from .views import ViewPreprocessor

__all__ = ['ViewPreprocessor']
