"""SPVCNN on spconv, under mmdet3d's names, and its adapter."""

from .net import SPVCNN, SPVCNNAdapter

__all__ = ['SPVCNN', 'SPVCNNAdapter']
