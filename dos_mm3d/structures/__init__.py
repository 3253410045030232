"""Containers shared by all layers."""

from .grid import Grid
from .views import (
    Joined,
    LocalView,
    SparseLocals,
    SparseTokens,
    SparseViews,
    Tokens,
    TokenView,
    View,
    ViewPair,
    pack_pairs,
)

__all__ = [
    'Grid',
    'Joined',
    'LocalView',
    'SparseLocals',
    'SparseTokens',
    'SparseViews',
    'TokenView',
    'Tokens',
    'View',
    'ViewPair',
    'pack_pairs',
]
