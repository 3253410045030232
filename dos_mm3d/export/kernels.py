"""The two memory layouts of a sparse convolution kernel, and the permutations between them."""

from torch import Tensor

KERNEL_DIMS = 5


def is_kernel(tensor: Tensor) -> bool:
    """Whether a tensor of a sparse encoder is a 3D convolution kernel: the encoders hold no other 5-D tensor."""
    return tensor.ndim == KERNEL_DIMS


def to_spconv1(kernel: Tensor) -> Tensor:
    """Kernel (C_out, kD, kH, kW, C_in) of spconv 2 -> (kD, kH, kW, C_in, C_out) of spconv 1, contiguous.

    mmdet3d's loader applies the inverse permutation to every kernel whose state dict does not carry version-2
    `_metadata`, which a plain dict never does (mmdet3d/models/layers/spconv/overwrite_spconv/write_spconv2.py).
    """
    return kernel.permute(1, 2, 3, 4, 0).contiguous()


def to_spconv2(kernel: Tensor) -> Tensor:
    """Kernel (kD, kH, kW, C_in, C_out) of spconv 1 -> (C_out, kD, kH, kW, C_in) of spconv 2, contiguous."""
    return kernel.permute(4, 0, 1, 2, 3).contiguous()
