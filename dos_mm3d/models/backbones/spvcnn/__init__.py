"""SPVCNN on spconv, under mmdet3d's names, and its adapter."""

from .adapter import SPVCNNAdapter
from .net import SPVCNN

__all__ = ['SPVCNN', 'SPVCNNAdapter']
