"""The few energies against the whole spectrum, behind paths that they were not fitted to."""

from __future__ import annotations

import numpy as np
import pytest

from metaspine.errors import InputError
from metaspine.physics.spectral_nodes import node_errors, spectral_nodes
from metaspine.transport.tables import PhotonTables

PATHS = [(0, 60.0), (1, 40.0), (2, 9.0)]


def bremsstrahlung(bin_kev: float) -> tuple[np.ndarray, np.ndarray]:
    edges = np.arange(5.0, 50.0 + bin_kev / 2, bin_kev)
    middle = (edges[1:] + edges[:-1]) / 2
    lines = 8 * np.exp(-(((middle - 9.7) / 0.3) ** 2)) + 6 * np.exp(-(((middle - 11.4) / 0.3) ** 2))
    return edges, (50 / middle - 1) * np.exp(-200 / middle**2) + lines


@pytest.mark.parametrize("bin_kev", [0.1, 0.5])
def test_ten_nodes_hold_behind_tissue_bone_and_metal(tables: PhotonTables, bin_kev: float) -> None:
    edges, photons = bremsstrahlung(bin_kev)
    nodes = spectral_nodes(edges, photons, tables, longest_paths=PATHS)
    assert len(nodes.photons) == 10
    assert (nodes.photons >= 0).all()
    fitted = node_errors(nodes, edges, photons, tables, longest_paths=PATHS)
    other = node_errors(nodes, edges, photons, tables, longest_paths=[(4, 47.0), (5, 33.0), (1, 19.0)])
    assert np.sqrt((fitted**2).mean()) < 0.002
    assert np.sqrt((other**2).mean()) < 0.002


def test_one_energy_is_its_own_node(tables: PhotonTables) -> None:
    nodes = spectral_nodes([30.0, 30.002], [5.0], tables, longest_paths=PATHS, count=1)
    assert nodes.energies_kev == pytest.approx([30.0], abs=0.002)
    assert nodes.photons == pytest.approx([1.0], abs=1e-3)


def test_more_nodes_are_better(tables: PhotonTables) -> None:
    edges, photons = bremsstrahlung(0.5)
    rms = []
    for count in (3, 5, 8):
        nodes = spectral_nodes(edges, photons, tables, longest_paths=PATHS, count=count)
        rms.append(np.sqrt((node_errors(nodes, edges, photons, tables, longest_paths=PATHS) ** 2).mean()))
    assert rms[0] > 3 * rms[1] > 9 * rms[2]


@pytest.mark.parametrize("count", [0, 1000])
def test_impossible_counts_are_refused(tables: PhotonTables, count: int) -> None:
    with pytest.raises(InputError, match=r"spectral nodes: \d+ nodes\. Ask for 1 to"):
        spectral_nodes([10.0, 50.0], [1.0], tables, longest_paths=PATHS, count=count)
