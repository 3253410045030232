"""Race-free sparse convolution on CPU tensors, computed from spconv's own index pairs.

spconv 2.3.8's CPU kernels scatter-add without synchronisation: with more than one thread they lose updates. Here every
output row, and every weight-gradient entry, is summed by one thread in a fixed order, so results do not depend on the
number of threads. Nothing is imported from numba before the first CPU convolution.
"""

from dos_mm3d.cpu.sparse_conv.convolution import patch_spconv, sparse_conv
from dos_mm3d.cpu.sparse_conv.mmcv_modules import patch_mmcv

__all__ = ['patch_mmcv', 'patch_spconv', 'sparse_conv']
