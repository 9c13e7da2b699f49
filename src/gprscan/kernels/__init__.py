"""Numba kernels: typed arrays in, arrays out; no xarray, no printing."""
