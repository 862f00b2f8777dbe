"""A few energies that stand for a whole spectrum in every exponential attenuation that tissue makes of it.

The kerma behind a path is a sum over the spectrum of photons x energy x mu_tr x exp(-depth). Non-negative least squares
over a grid of paths finds the few energies, with weights, that give the same sum behind every one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls

from metaspine.errors import InputError
from metaspine.geometry.grid import FloatArray
from metaspine.transport.primary import Nodes
from metaspine.transport.tables import PhotonTables

CANDIDATES = 120
"""Energies, evenly over the spectrum, from which the nodes are chosen."""
PATHS_PER_MATERIAL = 9
PARTS_PER_BIN = 2
DARKEST = 0.003
"""Paths that leave less of the kerma than this, by every local material, are not fitted."""
_WHERE = "spectral nodes"

IndexArray = NDArray[np.intp]
Path = tuple[int, float]
"""A material's number in the tables, and the longest path through it, in mm times g/cm3."""


def spectral_nodes(
    edges_kev: ArrayLike,
    photons: ArrayLike,
    tables: PhotonTables,
    *,
    longest_paths: Sequence[Path],
    count: int = 10,
) -> Nodes:
    """Return ``count`` energies and weights for a spectrum.

    Parameters
    ----------
    edges_kev, photons
        (bin + 1,) rising edges and (bin,) photons per bin in any unit; energies are uniform inside a bin.
    tables
        Coefficients of the materials.
    longest_paths
        The materials on the way. Kerma is fitted in each of them, behind every combination of paths up to the longest.
    count
        How many energies; fewer where the spectrum needs no more.

    Raises
    ------
    InputError
        When the count is below one, or so high that nothing is left to choose.
    """
    energies, emitted = _fine(np.asarray(edges_kev, dtype=np.float64), np.asarray(photons, dtype=np.float64))
    if not 1 <= count <= CANDIDATES // 4:
        raise InputError(f"{count} nodes", where=_WHERE, remedy=f"Ask for 1 to {CANDIDATES // 4} nodes")
    exact = _kerma_per_photon(energies, tables, longest_paths) @ emitted
    lit = _lit(exact, len(longest_paths))
    used = energies[emitted > 0]
    candidates = np.linspace(float(used[0]), float(used[-1]), CANDIDATES)
    relative = _kerma_per_photon(candidates, tables, longest_paths)[lit] / exact[lit, None]
    scale = np.linalg.norm(relative, axis=0)
    triangle: FloatArray = np.asarray(np.linalg.qr(np.column_stack([relative / scale, np.ones(len(relative))]), "r"))
    columns, goal = triangle[:, :-1], triangle[:, -1]
    chosen = _moved(columns, goal, _pruned(columns, goal, count))
    return Nodes(candidates[chosen], _fit(columns[:, chosen], goal)[0] / scale[chosen])


def _fit(columns: FloatArray, goal: FloatArray) -> tuple[FloatArray, float]:
    """Return the weights of 0 or above that come nearest to the goal, and the distance that is left."""
    weights, residual = nnls(columns, goal, maxiter=100 * CANDIDATES)
    return np.asarray(weights), float(residual)


def node_errors(
    nodes: Nodes,
    edges_kev: ArrayLike,
    photons: ArrayLike,
    tables: PhotonTables,
    *,
    longest_paths: Sequence[Path],
) -> FloatArray:
    """Return the relative errors of some nodes behind all fitted paths."""
    energies, emitted = _fine(np.asarray(edges_kev, dtype=np.float64), np.asarray(photons, dtype=np.float64))
    exact = _kerma_per_photon(energies, tables, longest_paths) @ emitted
    few = _kerma_per_photon(nodes.energies_kev, tables, longest_paths) @ nodes.photons
    lit = _lit(exact, len(longest_paths))
    return np.asarray(few[lit] / exact[lit] - 1)


def _fine(edges_kev: FloatArray, photons: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return energies inside the bins and the photons of each, per photon emitted."""
    inside = (np.arange(PARTS_PER_BIN) + 0.5) / PARTS_PER_BIN
    energies = np.repeat(edges_kev[:-1], PARTS_PER_BIN) + np.outer(np.diff(edges_kev), inside).ravel()
    return energies, np.repeat(photons / photons.sum() / PARTS_PER_BIN, PARTS_PER_BIN)


def _at(table: FloatArray, energies: FloatArray, tables: PhotonTables) -> FloatArray:
    grid = tables.energy_start_kev + tables.energy_step_kev * np.arange(len(table))
    return np.interp(energies, grid, table)


def _kerma_per_photon(energies: FloatArray, tables: PhotonTables, longest_paths: Sequence[Path]) -> FloatArray:
    """Return (path x local material, energy): energy x mu_tr x exp(-depth); paths lie denser where they are short."""
    fractions = np.linspace(0, 1, PATHS_PER_MATERIAL) ** 2
    lengths = np.array(list(product(*(longest * fractions for _, longest in longest_paths))))
    total = np.array([_at(tables.total[material], energies, tables) for material, _ in longest_paths])
    transfer = np.array([_at(tables.transfer[material], energies, tables) for material, _ in longest_paths])
    left = np.exp(-lengths @ total)
    return np.asarray((left[:, None, :] * (energies * transfer)[None, :, :]).reshape(-1, len(energies)))


def _lit(exact: FloatArray, materials: int) -> NDArray[np.bool_]:
    behind = exact.reshape(-1, materials)
    return np.asarray((behind > DARKEST * behind.max(axis=0)).ravel())


def _pruned(columns: FloatArray, goal: FloatArray, count: int) -> IndexArray:
    """Return the columns that are left when the least goes, again and again; at the end the most dispensable."""
    chosen = np.arange(columns.shape[1])
    while len(chosen) > 3 * count:
        weights = _fit(columns[:, chosen], goal)[0]
        used = chosen[weights > 0]
        chosen = used if len(used) < len(chosen) else np.delete(chosen, np.argmin(weights))
    while len(chosen) > count:
        without = [np.delete(chosen, place) for place in range(len(chosen))]
        residuals = [_fit(columns[:, kept], goal)[1] for kept in without]
        chosen = without[int(np.argmin(residuals))]
    return chosen


def _moved(columns: FloatArray, goal: FloatArray, chosen: IndexArray) -> IndexArray:
    """Move each column to its neighbours while that makes the fit better."""
    best = _fit(columns[:, chosen], goal)[1]
    improved = True
    while improved:
        improved = False
        for place, shift in product(range(len(chosen)), (-1, 1)):
            trial = chosen.copy()
            trial[place] += shift
            if not 0 <= trial[place] < columns.shape[1] or len(set(trial)) < len(trial):
                continue
            residual = _fit(columns[:, trial], goal)[1]
            if residual < best * (1 - 1e-6):
                chosen, best, improved = trial, residual, True
    return chosen
