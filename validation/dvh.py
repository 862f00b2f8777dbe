"""Dose-volume histograms against closed forms, and against what Eclipse and CERR exported for a real plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metaspine.evaluation.dvh import DoseVolume, dose_volume
from metaspine.evaluation.fields import GridField
from metaspine.evaluation.quadrature import quadrature, suitable_spacing_mm
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.slabs import EndConvention
from validation.analytic import Analytic, Sphere, attenuated, contours, exponential, inverse_square, linear
from validation.chapter import Chapter, Table, verdict
from validation.eclipse_ent import PublishedCurve, read_contours, read_dose, read_table, same_name
from validation.shapes import BODIES, Body, Slices, deviation, falloffs, grid_around

CENTRE = (0.2, -0.13, 0.41)
PERCENTS = (98, 95, 50, 2)
LARGEST_MEAN_DIFFERENCE = 0.4
"""Percent of the volume, mean over the vendor's dose levels."""
SMALLEST_CC = 0.2

_TEXT = """
**Closed forms.** Spheres drawn as circles on axial slices, in doses whose histograms are known exactly: linear,
1/r^2, exponential, and a 50 kV-like fall-off 8 (10/r)^2 exp(-0.12 (r - 10)) Gy with the source 4 mm from the surface.
The slices and the dose grid are off the sphere's centre. Tolerance: volume 1 %; D98, D95, D50 and D2 0.5 % or 0.1 mm
along the local gradient, whichever is larger; stated is the worst of the four over all fields, in units of that
tolerance. Slices of 0.25 mm show the computation; slices of 1 to 3 mm show, beside it, what the prism convention costs
against the true sphere (in brackets and not judged: a stack of prisms is not the sphere).

**Bodies.** Sphere, cylinder, cone, torus and shell on slices of 1, 2.5 and 3 mm, off the planes and off the voxels,
against the exact histogram of the stack of prisms they are drawn as (closed-form volume, points spread in rings by
formula). In the same tolerance: the worst of a constant dose, linear ones across and along the slices, and 1/r^2 around
a needle 4 mm from the body. Last, exp(-0.2 r) Gy from the same place as a dose from elsewhere, of which the program
knows no source, interpolated in its logarithm (DVH-07): judged up to a dose grid of 1 mm, in brackets beyond, because a
grid of 2 mm and more does not hold such a dose well enough.

**Vendors.** The ENT phantom of SlicerRT's test data (MIT): dose, contours and the histograms that Eclipse and CERR
exported. Our histogram minus theirs in percent of the volume, mean of the absolute value over their dose levels, with
the end-cap convention that each of them uses (Eclipse half-end, CERR prism); tolerance 0.4 %. Volumes in cc. Structures
below 0.2 cc, drawn on three slices, are shown but not judged: there the two vendors differ from each other by as much.
"""


def chapter(data: Path | None) -> Chapter:
    """Return the closed forms and, where the data are at hand, the vendors' tables."""
    tables = [sphere_table(), body_table()]
    folder = data / "slicerrt-dvh" if data else None
    if folder and folder.is_dir():
        tables.append(vendor_table(folder))
    else:
        tables.append(Table("The vendors' tables are not at hand (METASPINE_TEST_DATA): not compared.", ("",), ()))
    return Chapter("Dose-volume histograms", _TEXT, tuple(tables))


def sphere_table() -> Table:
    """Return the worst deviation from the closed forms for each radius, slice distance and dose grid."""
    cases = [(radius, 0.25, grid) for radius in (3.0, 5.0, 10.0) for grid in (0.5, 1.0)]
    cases += [(radius, slices, 1.0) for radius in (5.0, 10.0) for slices in (1.0, 2.0, 3.0)]
    return Table(
        "Spheres against their closed forms (1 is the tolerance)",
        ("radius mm", "slices mm", "dose grid mm", "volume %", "across slices", "around a source", "along slices", ""),
        tuple(_sphere_row(*case) for case in cases),
    )


def body_table() -> Table:
    """Return the worst deviation of each body and slice distance from its exact histogram, by dose grid."""
    grids = (0.5, 1.0, 2.0, 2.5)
    return Table(
        "Bodies against the exact histograms of their stacks of prisms (1 is the tolerance), by dose grid in mm",
        ("body", "slices mm", "volume %", *(f"{grid:g}" for grid in grids), *(f"elsewhere, {g:g}" for g in grids), ""),
        tuple(_body_row(body, slice_mm, grids) for body in BODIES for slice_mm in (1.0, 2.5, 3.0)),
    )


def vendor_table(folder: Path) -> Table:
    """Return the mean difference to Eclipse and to CERR for each structure."""
    rows = list(_vendor_rows(folder))
    return Table(
        "The Eclipse ENT phantom",
        (
            "structure",
            "half-end cc",
            "Eclipse cc",
            "mean difference %",
            "",
            "prism cc",
            "CERR cc",
            "mean difference %",
            " ",
        ),
        tuple(rows),
    )


def _body_row(body: Body, slice_mm: float, grids_mm: Sequence[float]) -> tuple[str, ...]:
    random = np.random.default_rng(round(100 * slice_mm) + len(body.name))
    slices = Slices(body, slice_mm, float(random.uniform(0, slice_mm)), np.array(CENTRE), np.eye(3))
    region = slices.contours()
    points = quadrature(region, spacing_mm=suitable_spacing_mm(region), single_plane_mm=slice_mm)
    own: dict[float, float] = {}
    elsewhere: dict[float, float] = {}
    for grid_mm in grids_mm:
        grid = grid_around(slices, grid_mm, shift=random.uniform(-0.5, 0.5, 3), axes=np.eye(3))
        for falloff in falloffs(slices):
            worst = elsewhere if falloff.between == "logarithmic" else own
            found = deviation(slices, falloff, dose_volume(points, falloff.on(grid)))
            worst[grid_mm] = max(worst.get(grid_mm, 0.0), found)
    volume = 100 * (points.total_mm3 / slices.volume_mm3() - 1)
    holds = max(own.values()) <= 1 and max(elsewhere[grid] for grid in grids_mm if grid <= 1) <= 1
    return (
        body.name,
        f"{slice_mm:g}",
        f"{volume:+.2f}",
        *(f"{own[grid]:.2f}" for grid in grids_mm),
        *(f"{elsewhere[grid]:.2f}" if grid <= 1 else f"({elsewhere[grid]:.2f})" for grid in grids_mm),
        verdict(holds and abs(volume) <= 1),
    )


@dataclass(frozen=True)
class Worst:
    """The largest deviation in units of its tolerance, and the volume's in percent."""

    volume_percent: float
    dose: float


def _sphere_row(radius_mm: float, slice_mm: float, grid_mm: float) -> tuple[str, ...]:
    sphere = Sphere(radius_mm, CENTRE)
    source = (CENTRE[0] + radius_mm + 4, CENTRE[1], CENTRE[2])
    across = _worst(sphere, slice_mm, grid_mm, (linear(0), linear(1)))
    around = _worst(sphere, slice_mm, grid_mm, (inverse_square(source), attenuated(source), exponential(source)))
    along = _worst(sphere, slice_mm, grid_mm, (linear(2),))
    fine = slice_mm < 1
    holds = max(across.dose, around.dose, along.dose if fine else 0.0) <= 1
    holds = holds and (not fine or abs(across.volume_percent) <= 1)
    volume, axial = f"{across.volume_percent:+.2f}", f"{along.dose:.2f}"
    return (
        f"{radius_mm:g}",
        f"{slice_mm:g}",
        f"{grid_mm:g}",
        volume if fine else f"({volume})",
        f"{across.dose:.2f}",
        f"{around.dose:.2f}",
        axial if fine else f"({axial})",
        verdict(holds),
    )


def _worst(sphere: Sphere, slice_mm: float, grid_mm: float, fields: tuple[Analytic, ...]) -> Worst:
    region = contours(sphere, slice_mm, 0.3 * slice_mm)
    points = quadrature(region, spacing_mm=suitable_spacing_mm(region))
    deviations = []
    for analytic in fields:
        found = dose_volume(points, analytic.field(sphere, grid_mm))
        deviations += [_deviation(sphere, analytic, found, percent) for percent in PERCENTS]
    return Worst(100 * (points.total_mm3 / sphere.volume_mm3 - 1), max(deviations))


def _deviation(sphere: Sphere, analytic: Analytic, found: DoseVolume, percent: float) -> float:
    volume = percent / 100 * sphere.volume_mm3
    truth = analytic.dose_to_volume_gy(sphere, volume)
    tolerance = max(0.005 * truth, 0.1 * analytic.gradient_gy_per_mm(sphere, volume))
    return abs(found.dose_to_volume_gy(percent / 100 * found.dosed_mm3) - truth) / tolerance


def _vendor_rows(folder: Path) -> Iterator[tuple[str, ...]]:
    field = GridField(read_dose(folder))
    vendors: tuple[tuple[str, EndConvention], ...] = (("Eclipse", "half-end"), ("CERR", "prism"))
    tables = {
        vendor: {same_name(name): curve for name, curve in read_table(folder, vendor).items()} for vendor, _ in vendors
    }
    for name, region in read_contours(folder).items():
        cells = [name]
        for vendor, ends in vendors:
            cells += _vendor_cells(region, ends, field, tables[vendor][same_name(name)])
        yield tuple(cells)


def _vendor_cells(region: ContourSet, ends: EndConvention, field: GridField, theirs: PublishedCurve) -> tuple[str, ...]:
    points = quadrature(region, spacing_mm=suitable_spacing_mm(region), ends=ends, within=field.volume.grid)
    found = dose_volume(points, field)
    difference = np.mean(np.abs(100 * found.volume_above_mm3(theirs.dose_gy) / found.dosed_mm3 - theirs.volume_percent))
    return (
        f"{found.dosed_mm3 / 1000:.3f}",
        f"{theirs.volume_cc:g}",
        f"{difference:.3f}",
        verdict(bool(difference <= LARGEST_MEAN_DIFFERENCE))
        if theirs.volume_cc >= SMALLEST_CC
        else "too small to judge",
    )
