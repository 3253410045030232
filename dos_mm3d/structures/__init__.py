"""Containers shared by all layers."""

from .grid import Grid
from .views import Joined, SparseLocals, SparseTokens, SparseViews, Tokens, View, ViewPair, pack_pairs
