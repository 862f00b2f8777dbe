"""What photons fly through: voxels packed for one memory access a step, and the coefficients of their materials."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.transport.compiling import step
from metaspine.transport.tables import PhotonTables

MATERIAL_BITS = np.uint32(0xFF)
OUTSIDE = 255
"""The material of the rim of one voxel around the grid: a photon that meets it has left."""

TOTAL, TRANSFER, SCATTER, COHERENT = 0, 1, 2, 3
"""The last index of ``Medium.coefficients``."""


Part = tuple[slice, slice, slice]
"""Some of a grid's voxels."""
WHOLE: Part = (slice(None), slice(None), slice(None))


class Lattice(NamedTuple):
    """A voxel grid with its rim, as the voxel walk sees it. Points are mm from the corner of the rim."""

    spacing_x_mm: float
    spacing_y_mm: float
    spacing_z_mm: float
    stride_x: int
    stride_y: int


class Medium(NamedTuple):
    """Voxels and coefficients, as :func:`medium` packs them."""

    lattice: Lattice
    packed: NDArray[np.uint32]
    """(voxel with rim,): the density's float32 bits, the lowest eight of them replaced by the material."""
    density: NDArray[np.float32]
    """The same memory read as g/cm3; the material in its last bits changes it by less than 4e-5 of itself."""
    energy_start_kev: float
    energy_step_kev: float
    coefficients: NDArray[np.float32]
    """(material, energy, TOTAL .. COHERENT) in 1/mm per g/cm3; the last row twice, so that every row has a next."""
    incoherent_cosines: NDArray[np.float32]
    coherent_cosines: NDArray[np.float32]
    cosine_energy_step_kev: float
    line_energies_kev: NDArray[np.float32]
    line_yields: NDArray[np.float32]
    water: int
    """The material whose energy transfer makes dose to water."""
    shape: tuple[int, int, int]
    """Of the grid without its rim."""

    @property
    def energy_end_kev(self) -> float:
        """The highest energy of the coefficients."""
        steps: int = self.coefficients.shape[1] - 2
        return self.energy_start_kev + self.energy_step_kev * steps


def medium(
    material: ArrayLike, density: ArrayLike, spacing_mm: ArrayLike, *, tables: PhotonTables, water: int
) -> Medium:
    """Pack voxels and tables for transport.

    Parameters
    ----------
    material
        (nx, ny, nz) of the tables' first index.
    density
        (nx, ny, nz) in g/cm3.
    spacing_mm
        Three positive spacings.
    tables
        Coefficients and angular distributions.
    water
        The tables' index of water.

    Raises
    ------
    ValueError
        A voxel whose material the tables don't have, a density below 0 or not finite, shapes that differ.
    """
    material_of, density_of = np.asarray(material), np.asarray(density, dtype=np.float32)
    spacing = [float(value) for value in np.asarray(spacing_mm, dtype=np.float64)]
    _check(material_of, density_of, spacing, tables, water)
    rimmed = np.pad(material_of.astype(np.uint32), 1, constant_values=OUTSIDE)
    bits = np.pad(density_of, 1).view(np.uint32)
    packed = ((bits & ~MATERIAL_BITS) | rimmed).ravel()
    lines = tables.line_energies_kev.size > 0
    materials, energies = tables.total.shape
    return Medium(
        Lattice(spacing[0], spacing[1], spacing[2], rimmed.shape[1] * rimmed.shape[2], rimmed.shape[2]),
        packed,
        packed.view(np.float32),
        float(tables.energy_start_kev),
        float(tables.energy_step_kev),
        _interleaved(tables),
        _float32(tables.incoherent_cosines),
        _float32(tables.coherent_cosines),
        float(tables.cosine_energy_step_kev),
        _float32(tables.line_energies_kev if lines else np.zeros((materials, 0))),
        _float32(tables.line_yields if lines else np.zeros((materials, energies, 0))),
        int(water),
        (material_of.shape[0], material_of.shape[1], material_of.shape[2]),
    )


@step
def level(energy_kev: float, medium: Medium) -> tuple[int, float]:
    """Return the row of an energy in the coefficients and the fraction of the way to the next row."""
    place = (energy_kev - medium.energy_start_kev) / medium.energy_step_kev
    row = int(place)
    return row, place - row


@step
def coefficient(material: int, row: int, fraction: float, kind: int, medium: Medium) -> float:
    """Return one coefficient of a material in 1/mm per g/cm3, linear between the rows."""
    below = medium.coefficients[material, row, kind]
    value: float = below + fraction * (medium.coefficients[material, row + 1, kind] - below)
    return value


def _float32(table: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.ascontiguousarray(table, dtype=np.float32)


def _interleaved(tables: PhotonTables) -> NDArray[np.float32]:
    kinds = (tables.total, tables.transfer, tables.scatter, tables.coherent)
    last_twice = [np.concatenate([table, table[:, -1:]], axis=1) for table in kinds]
    return _float32(np.stack(last_twice, axis=-1))


def _check(
    material: NDArray[np.integer],
    density: NDArray[np.float32],
    spacing_mm: list[float],
    tables: PhotonTables,
    water: int,
) -> None:
    materials = tables.total.shape[0]
    if material.ndim != 3 or material.shape != density.shape:
        raise ValueError(f"materials of {material.shape} and densities of {density.shape} voxels: one grid is wanted")
    if len(spacing_mm) != 3 or not all(0 < value < np.inf for value in spacing_mm):
        raise ValueError(f"voxel spacing {spacing_mm} mm: three positive numbers are wanted")
    if materials >= OUTSIDE or not 0 <= water < materials:
        raise ValueError(f"{materials} materials with water as number {water}: at most {OUTSIDE - 1}, water among them")
    if material.min() < 0 or material.max() >= materials:
        unknown = np.argwhere((material < 0) | (material >= materials))
        first = tuple(int(index) for index in unknown[0])
        raise ValueError(
            f"{len(unknown)} voxels hold a material that the tables don't have, the first at {first}: "
            f"number {material[first]}, the tables have 0 to {materials - 1}"
        )
    if not np.isfinite(density).all() or density.min() < 0:
        raise ValueError("a density is negative or not a number: every voxel needs a density in g/cm3")
