"""Photon transport through a voxel grid: numba kernels over plain arrays, for CPU and CUDA.

This room knows neither materials nor patients: physics hands it tables, dosimetry hands it voxels. It imports numpy,
numba and the standard library only. Lengths are mm from the corner of the grid along its own axes, energies keV,
densities g/cm3, coefficients 1/mm per g/cm3, kerma Gy per emitted photon.
"""
