"""What makes the CPU right, and fast: race-free sparse convolution and scatter, numba kernels over cells."""
