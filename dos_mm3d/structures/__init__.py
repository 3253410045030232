"""Containers shared by all layers."""

from .grid import Grid
from .objects import CropSet, ObjectSample, ObjectViews, PatchCrops, stack_crops
from .views import Joined, SparseLocals, SparseTokens, SparseViews, Tokens, View, ViewPair, moved, pack_pairs
