"""Where photons start: a point, or a few that stand for a focal spot, with a spectrum and perhaps an anisotropy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metaspine.transport.compiling import step
from metaspine.transport.medium import SCATTER, TOTAL, Medium
from metaspine.transport.random_numbers import Stream, uniform

ISOTROPIC = (1.0, 1.0)
ONE_POINT = ((0.0, 0.0, 0.0),)


class Source(NamedTuple):
    """A small source, as :func:`point_source` makes it."""

    point_mm: tuple[float, float, float]
    """Its centre: the weighted mean of its points of emission, from the corner of the grid, along its axes."""
    axis: tuple[float, float, float]
    """The unit vector from which the polar angle of the anisotropy is counted."""
    edges_kev: NDArray[np.float64]
    """(bin + 1,)."""
    cumulative: NDArray[np.float64]
    """(bin + 1,) from 0 to 1: how energies are drawn, uniformly inside a bin."""
    weights: NDArray[np.float64]
    """(bin,) true over drawn probability: 1 where energies are drawn as they are emitted."""
    anisotropy: NDArray[np.float64]
    """Emission over its mean at cosines evenly from -1 to 1."""
    offsets_mm: NDArray[np.float64]
    """(point, 3) the points of emission from the centre; one row of zeros for a point source."""
    shares: NDArray[np.float64]
    """(point,) the photons of each point, cumulative up to 1."""


def point_source(
    point_mm: ArrayLike,
    edges_kev: ArrayLike,
    probabilities: ArrayLike,
    *,
    importance: ArrayLike | None = None,
    axis: ArrayLike = (0.0, 0.0, 1.0),
    anisotropy: ArrayLike = ISOTROPIC,
    offsets_mm: ArrayLike = ONE_POINT,
    shares: ArrayLike = (1.0,),
) -> Source:
    """Return a point source, or one of several points.

    Parameters
    ----------
    point_mm
        From the corner of the grid, along its axes.
    edges_kev, probabilities
        (bin + 1,) rising edges and (bin,) photons per bin in any unit; energies are uniform inside a bin.
    importance
        (bin,) by how much more often each bin is drawn than emitted; weights make up for it.
    axis, anisotropy
        The axis of the source and its emission at cosines evenly from -1 to 1, linear between them and taken relative
        to its mean over the sphere. A photon's weight carries it.
    offsets_mm, shares
        (point, 3) points of emission from ``point_mm`` along the grid's axes, and (point,) how much of the photons each
        sends out. All have the same spectrum and anisotropy.

    Raises
    ------
    ValueError
        Edges that don't rise, negative or no photons, an axis of no length, points and shares that don't belong
        together.
    """
    edges, emitted = np.asarray(edges_kev, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    drawn = emitted * (1.0 if importance is None else np.asarray(importance, dtype=np.float64))
    shape, direction = np.asarray(anisotropy, dtype=np.float64), np.asarray(axis, dtype=np.float64)
    if edges.shape != (len(emitted) + 1,) or not (np.diff(edges) > 0).all():
        raise ValueError(f"{len(edges)} edges for {len(emitted)} bins of the spectrum: one more, rising, are wanted")
    if (drawn < 0).any() or not drawn.sum() > 0 or (drawn[emitted > 0] == 0).any():
        raise ValueError("the spectrum has negative bins, no photons, or bins that are emitted but never drawn")
    if shape.ndim != 1 or len(shape) < 2 or (shape < 0).any() or not np.linalg.norm(direction) > 0:
        raise ValueError("the anisotropy needs two or more values of 0 or above, and an axis of some length")
    emitted, drawn = emitted / emitted.sum(), drawn / drawn.sum()
    places, weights = _points(offsets_mm, shares)
    centre = weights @ places
    unit, point = direction / np.linalg.norm(direction), np.asarray(point_mm, dtype=np.float64) + centre
    return Source(
        (float(point[0]), float(point[1]), float(point[2])),
        (float(unit[0]), float(unit[1]), float(unit[2])),
        edges,
        np.concatenate([[0.0], np.cumsum(drawn)[:-1], [1.0]]),
        np.divide(emitted, drawn, out=np.zeros_like(emitted), where=drawn > 0),
        shape / np.trapezoid(shape, dx=1 / (len(shape) - 1)),
        places - centre,
        np.concatenate([np.cumsum(weights)[:-1], [1.0]]),
    )


def _points(offsets_mm: ArrayLike, shares: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return points (n, 3) and what each sends out, summing to 1."""
    places, weights = np.array(offsets_mm, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if places.ndim != 2 or places.shape != (weights.size, 3) or not places.size:
        raise ValueError(f"points of emission of shape {places.shape} with {weights.size} shares: one share a point")
    if not (weights > 0).all() or not np.isfinite(places).all():
        raise ValueError("every point of emission needs a place and a share above 0")
    return places, weights / weights.sum()


def importance(edges_kev: ArrayLike, medium: Medium) -> NDArray[np.float64]:
    """Return by how much more often to draw the bins of a spectrum whose scattered photons go far: (bin,).

    It is the root of the fraction of water's attenuation that is scattering. Soft photons are mostly absorbed; drawn as
    they are emitted they take the time of the hard ones, which carry the dose at 15 mm and beyond.
    """
    edges = np.asarray(edges_kev, dtype=np.float64)
    rows = np.rint(((edges[1:] + edges[:-1]) / 2 - medium.energy_start_kev) / medium.energy_step_kev).astype(int)
    water = medium.coefficients[medium.water, rows].astype(np.float64)
    return np.asarray(np.sqrt(water[:, SCATTER] / water[:, TOTAL]))


@step
def energy_and_weight(value: float, source: Source) -> tuple[float, float]:
    """Return the energy in keV at a place in [0, 1) of the cumulative spectrum, and the weight of its bin."""
    low, high = 0, len(source.weights)
    while high - low > 1:
        middle = (low + high) // 2
        if source.cumulative[middle] <= value:
            low = middle
        else:
            high = middle
    below, above = source.cumulative[low], source.cumulative[low + 1]
    fraction = (value - below) / (above - below)
    start_kev = source.edges_kev[low]
    return start_kev + fraction * (source.edges_kev[low + 1] - start_kev), source.weights[low]


@step
def starting_point(random: Stream, source: Source) -> tuple[Stream, tuple[float, float, float]]:
    """Return one of the source's points, drawn by their shares; a point source draws nothing."""
    point = source.point_mm
    if len(source.shares) == 1:
        return random, point
    random, value = uniform(random)
    chosen = 0
    while source.shares[chosen] <= value:
        chosen += 1
    offsets = source.offsets_mm
    return random, (
        point[0] + offsets[chosen, 0],
        point[1] + offsets[chosen, 1],
        point[2] + offsets[chosen, 2],
    )


@step
def emission(direction: tuple[float, float, float], source: Source) -> float:
    """Return the source's emission into a direction, relative to its mean over the sphere."""
    axis = source.axis
    cosine = direction[0] * axis[0] + direction[1] * axis[1] + direction[2] * axis[2]
    place = (min(max(cosine, -1.0), 1.0) + 1.0) / 2.0 * (len(source.anisotropy) - 1)
    below = min(int(place), len(source.anisotropy) - 2)
    low, high = source.anisotropy[below], source.anisotropy[below + 1]
    relative: float = low + (place - below) * (high - low)
    return relative


def beyond_rim(source: Source, medium: Medium) -> Source:
    """Return the source with its place counted from the corner of the rim, as the kernels count.

    Raises
    ------
    ValueError
        When a point of emission lies outside the grid.
    """
    lattice, point = medium.lattice, source.point_mm
    for offset in source.offsets_mm if len(source.shares) > 1 else ():
        place = tuple(float(start + step_mm) for start, step_mm in zip(point, offset, strict=True))
        check_inside((place[0], place[1], place[2]), source.edges_kev, medium)
    spacing = (lattice.spacing_x_mm, lattice.spacing_y_mm, lattice.spacing_z_mm)
    return source._replace(point_mm=(point[0] + spacing[0], point[1] + spacing[1], point[2] + spacing[2]))


def check_inside(point_mm: tuple[float, float, float], energies_kev: NDArray[np.float64], medium: Medium) -> None:
    """Refuse a source outside the grid, and energies outside the tables.

    Raises
    ------
    ValueError
        Either of them, with both values.
    """
    lattice = medium.lattice
    spacing = (lattice.spacing_x_mm, lattice.spacing_y_mm, lattice.spacing_z_mm)
    size = tuple(count * step_mm for count, step_mm in zip(medium.shape, spacing, strict=True))
    if not all(0 < place < end for place, end in zip(point_mm, size, strict=True)):
        raise ValueError(f"the source at {point_mm} mm lies outside the grid of {size} mm: move the source or the grid")
    lowest, highest = float(np.min(energies_kev)), float(np.max(energies_kev))
    if lowest < medium.energy_start_kev or highest > medium.energy_end_kev:
        raise ValueError(
            f"energies from {lowest:g} to {highest:g} keV: the tables hold {medium.energy_start_kev:g} to "
            f"{medium.energy_end_kev:g} keV"
        )
