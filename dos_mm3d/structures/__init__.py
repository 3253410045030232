"""Containers shared by all layers."""

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
