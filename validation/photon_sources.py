"""Bare 125I and 103Pd points in water: the radial dose function of the engine against published sources."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from metaspine.physics.materials import material
from metaspine.physics.photon_data import photon_tables
from metaspine.transport.medium import Medium, medium
from metaspine.transport.primary import primary_kerma, spectrum_nodes
from metaspine.transport.scatter import Sampling, continued, empty_tally, estimate
from metaspine.transport.source import Source, point_source
from validation.chapter import Chapter, Table, verdict

FloatArray = NDArray[np.float64]

DISTANCES_MM = (5.0, 10.0, 20.0, 30.0, 50.0)
REFERENCE_MM = 10.0
SIDE, SPACING_MM = 150, 2.0
"""A cube of 300 mm, as TG-43U1 asks for."""
NEAR_MM = 3.0
SAMPLING = Sampling(seed=43, rays_per_batch=20_000)
BATCHES = 20
LINE_KEV = 0.001
_TEXT = """
The radial dose function g(r) = D(r) r^2 / (D(10 mm) 100 mm^2) of an isotropic point that emits the lines of the bare
nuclide (PHO-06, PHO-07), in a cube of water of 300 mm: exact primary at the distance, Monte Carlo scatter on voxels of
2 mm. The published values are those of seeds of some millimetres with a capsule, so that they are not the bare point's:
V14 is an I-Plant 3500 (PHO-06), V15 a model 200 (PHO-07). The last column is a bare point with PENELOPE, from notes
that are older than this engine; it is not judged. PENELOPE's photoelectric data are not XCOM's, which ours agree with:
the second table says what that alone changes, by two other codes.
"""


class Nuclide(NamedTuple):
    """Its lines, what was published of its seeds and how near we should come."""

    name: str
    lines_kev: tuple[float, ...]
    photons: tuple[float, ...]
    published: dict[float, tuple[float, float]]
    """By distance in mm: g(r) and the relative tolerance."""
    penelope: dict[float, float]


NUCLIDES = (
    Nuclide(
        "V14 125I",
        (27.202, 27.472, 30.98, 31.71, 35.492),
        (0.406, 0.757, 0.202, 0.0439, 0.0668),
        {5.0: (1.030, 0.03), 20.0: (0.872, 0.02), 50.0: (0.448, 0.05)},
        {5.0: 1.023, 20.0: 0.869, 50.0: 0.431},
    ),
    Nuclide(
        "V15 103Pd",
        (20.074, 20.216, 22.72, 23.18, 39.75),
        (0.2240, 0.423, 0.1040, 0.0194, 0.00068),
        {5.0: (1.30, 0.07), 20.0: (0.555, 0.07), 30.0: (0.302, 0.07)},
        {5.0: 1.262, 20.0: 0.578, 30.0: 0.320},
    ),
)


def chapter(data: Path | None) -> Chapter:
    """Return the comparison with published functions; the libraries' ratio needs the shared data."""
    water = _water((SIDE,) * 3, SPACING_MM)
    rows = tuple(row for nuclide in NUCLIDES for row in _rows(nuclide, water))
    header = (
        "source",
        "g at, mm",
        "published",
        "ours",
        "1 sigma",
        "difference",
        "tolerance",
        "",
        "PENELOPE, bare point",
    )
    tables = [Table("Radial dose function", header, rows)]
    if data is not None:
        tables.append(_libraries(data / "reference-dose"))
    return Chapter("125I and 103Pd in water", _TEXT, tuple(tables))


def _libraries(folder: Path) -> Table:
    """Return g(r) with XCOM's data (EGSnrc) over g(r) with PENELOPE's, of one energy near each nuclide's."""
    rows = []
    for energy in (30, 20):
        egs, penelope = (np.load(folder / f"P1_{energy}keV_{name}.npz")["dose_Gy"] for name in ("egs_xcom", "penred"))
        ratio = egs / penelope
        shells = (ratio[int(place)] / ratio[int(REFERENCE_MM)] - 1 for place in DISTANCES_MM)
        rows.append((f"{energy} keV", *(f"{100 * shell:+.1f} %" for shell in shells)))
    header = ("g with XCOM / g with PENELOPE - 1", *(f"{place:g} mm" for place in DISTANCES_MM))
    return Table("The photoelectric library", header, tuple(rows))


def _water(shape: tuple[int, int, int], spacing_mm: float) -> Medium:
    tables = photon_tables([material("water")])
    return medium(np.zeros(shape, dtype=np.uint8), np.ones(shape), (spacing_mm,) * 3, tables=tables, water=0)


def _rows(nuclide: Nuclide, water: Medium) -> list[tuple[str, ...]]:
    kerma, error = _kerma(nuclide, water)
    g = kerma * np.square(DISTANCES_MM)
    reference = DISTANCES_MM.index(REFERENCE_MM)
    relative = np.hypot(error / kerma, error[reference] / kerma[reference])
    g /= g[reference]
    rows = []
    for distance, (published, tolerance) in nuclide.published.items():
        place = DISTANCES_MM.index(distance)
        difference = g[place] / published - 1
        rows.append(
            (
                nuclide.name,
                f"{distance:g}",
                f"{published:g}",
                f"{g[place]:.3f}",
                f"{100 * relative[place]:.2f} %",
                f"{100 * difference:+.1f} %",
                f"{100 * tolerance:.0f} %",
                verdict(abs(difference) <= tolerance),
                f"{nuclide.penelope[distance]:g}",
            )
        )
    return rows


def _kerma(nuclide: Nuclide, water: Medium) -> tuple[FloatArray, FloatArray]:
    """Return the kerma and its standard error at the distances, in Gy per photon."""
    scattered, errors = _scattered(nuclide, water)
    return scattered + _primary(nuclide), errors


def _source(nuclide: Nuclide, point_mm: tuple[float, float, float]) -> Source:
    edges = np.ravel([(line, line + LINE_KEV) for line in nuclide.lines_kev])
    photons = np.zeros(edges.size - 1)
    photons[::2] = nuclide.photons
    return point_source(point_mm, edges, photons)


def _primary(nuclide: Nuclide) -> FloatArray:
    """Return the engine's primary at points, in a bar of water along x."""
    bar = _water((int(DISTANCES_MM[-1]) + 1, 1, 1), 1.0)
    source = _source(nuclide, (0.5, 0.5, 0.5))
    kerma = primary_kerma(source, spectrum_nodes(source), bar, radius_mm=100, averaging_radius_mm=0)
    return np.array([float(kerma[int(distance), 0, 0, 0]) for distance in DISTANCES_MM])


def _scattered(nuclide: Nuclide, water: Medium) -> tuple[FloatArray, FloatArray]:
    middle = SIDE * SPACING_MM / 2
    source = _source(nuclide, (middle,) * 3)
    tally = continued(empty_tally(water), BATCHES, sampling=SAMPLING, source=source, medium=water)
    scatter = estimate(tally, SAMPLING, water)
    axis = (np.arange(SIDE) + 0.5) * SPACING_MM - middle
    distance = np.sqrt(np.add.outer(np.add.outer(axis**2, axis**2), axis**2))
    kerma, error = scatter.kerma_gy[..., 0], scatter.standard_error_gy[..., 0]
    found = [_at(place, distance, kerma, error) for place in DISTANCES_MM]
    return np.array([value for value, _ in found]), np.array([value for _, value in found])


def _at(place_mm: float, distance: FloatArray, kerma: FloatArray, error: FloatArray) -> tuple[float, float]:
    """Return the kerma at a distance: log(kerma distance) is fitted by a parabola over near voxels."""
    near = np.abs(distance - place_mm) < NEAR_MM
    curve = np.polynomial.Polynomial.fit(distance[near] - place_mm, np.log(kerma[near] * distance[near]), 2)
    spread = float(np.sqrt((error[near] ** 2).sum()) / near.sum())
    return float(np.exp(curve(0.0))) / place_mm, spread
