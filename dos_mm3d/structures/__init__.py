"""Containers shared by all layers."""

from .views import SparseViews, View, ViewPair, pack_pairs

__all__ = ['SparseViews', 'View', 'ViewPair', 'pack_pairs']
