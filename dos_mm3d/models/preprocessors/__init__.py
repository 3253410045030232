"""Collate and voxelise, or cut into patches."""

from .objects import PatchPreprocessor
from .views import ViewPreprocessor
