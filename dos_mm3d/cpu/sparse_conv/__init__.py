"""Race-free sparse convolution on CPU tensors, computed from spconv's own index pairs.

spconv 2.3.8's CPU kernels scatter-add without synchronisation: with more than one thread they lose updates. Here every
output row, and every weight-gradient entry, is summed by one thread in a fixed order, so results do not depend on the
number of threads.
"""

from .convolution import sparse_conv
from .search import find_pairs
