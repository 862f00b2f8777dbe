"""Every structure within reach of a dose: its histogram, its metrics, its bounds; and which were left out, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from metaspine.errors import InputError, StructureError
from metaspine.evaluation.dvh import DoseVolume, DoseVolumeCurve, curve, dose_volume
from metaspine.evaluation.fields import DoseField, GridField, WaterField
from metaspine.evaluation.hot_part import HOT_SPACING_MM, hot_part
from metaspine.evaluation.limits import upper_bounds
from metaspine.evaluation.metrics import Metric, TwoDensities, dose_metrics, find
from metaspine.evaluation.nearest import nearest_points_mm
from metaspine.evaluation.quadrature import Quadrature, quadrature, suitable_spacing_mm
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.slabs import EndConvention
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.physics.applicators import DoseConvention

COARSER = 2.0
"""The second quadrature's spacing relative to the first (DVH-06)."""

EVIDENCE = ("DVH-01", "DVH-02", "DVH-03", "DVH-04", "DVH-05", "DVH-06", "PHY-22")


@dataclass(frozen=True, eq=False)
class StructureDose:
    """The dose to one structure."""

    structure: str
    role: Role
    level: str
    confirmed: bool
    volume_cc: float
    """The whole structure in the stated convention."""
    in_applicator_cc: float
    """Of it inside the applicator, where no dose is defined; 100 % of the histogram is the volume without it."""
    outside_fraction: float
    """Of the volume without the applicator, outside the dose grid."""
    convention: str
    """How the structure was understood: contours and end caps, or voxel cells; and the quadrature's spacing."""
    curve: DoseVolumeCurve
    metrics: tuple[Metric, ...]
    hottest_mm: tuple[float, float, float]
    """LPS, where the point maximum lies."""
    notes: tuple[str, ...] = ()

    def metric(self, name: str) -> Metric:
        """Return the metric of that name, such as "D95" or "D0.03cc".

        Raises
        ------
        InputError
            When there is none; the message lists what there is.
        """
        try:
            return find(self.metrics, name)
        except KeyError:
            known = ", ".join(metric.name for metric in self.metrics)
            raise InputError(
                f"there is no metric {name!r}", where=self.structure, remedy=f"There are: {known}"
            ) from None


def structure_named(
    name: str, structures: Iterable[StructureDose], left_out: Iterable[tuple[str, str]], *, where: str
) -> StructureDose:
    """Return the dose to the structure of a name.

    Raises
    ------
    StructureError
        When it was not evaluated; the message says why.
    """
    for found in structures:
        if found.structure == name:
            return found
    reason = dict(left_out).get(name, "it is not among the scan's structures")
    raise StructureError(f"the structure {name!r} was not evaluated: {reason}", where=where)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a dose does to every structure of a scan."""

    structures: tuple[StructureDose, ...]
    left_out: tuple[tuple[str, str], ...]
    """Name and reason."""
    dose_gy: float
    """The prescribed dose; V and coverage are stated at it."""
    convention: DoseConvention
    medium: str
    engine: str
    notes: tuple[str, ...]
    evidence: tuple[str, ...] = EVIDENCE

    def of(self, name: str) -> StructureDose:
        """Return the dose to the structure of that name.

        Raises
        ------
        StructureError
            When it was not evaluated; the message says why.
        """
        return structure_named(name, self.structures, self.left_out, where="evaluation")


def evaluate(
    plan: Plan,
    dose: Dose,
    scan: Scan,
    *,
    ends: EndConvention = "prism",
    tip_position_uncertainty_mm: float | None = None,
) -> Evaluation:
    """Return histogram and metrics of the plan's lesion, its limiting structure and every structure of the scan.

    Parameters
    ----------
    plan, dose, scan
        In one frame of reference.
    ends
        For structures drawn as contours: where the first and the last slice end (DVH-01).
    tip_position_uncertainty_mm
        One standard deviation, for the upper bounds; by default the applicator's.

    Raises
    ------
    FrameMismatch
        When dose and scan live in different frames of reference.
    """
    dose.volume.grid.require_frame(scan.frame_of_reference, where="evaluation")
    sigma_mm = plan.applicator.tip_position_uncertainty_mm
    reading = _Reading(
        plan=plan,
        field=GridField(dose.volume, WaterField((plan.dwell,), plan.applicator, plan.output)),
        grid_dose=dose,
        slice_mm=float(scan.image.grid.spacing_mm[2]),
        ends=ends,
        sigma_mm=sigma_mm if tip_position_uncertainty_mm is None else tip_position_uncertainty_mm,
    )
    found, left_out = [], []
    for structure in _in_question(plan, scan):
        result = reading.of(structure)
        if isinstance(result, str):
            left_out.append((structure.name, result))
        else:
            found.append(result)
    return Evaluation(
        structures=tuple(found),
        left_out=tuple(left_out),
        dose_gy=plan.prescription.dose_gy,
        convention=dose.convention,
        medium=dose.medium,
        engine=dose.provenance.engine,
        notes=dose.notes,
    )


def _in_question(plan: Plan, scan: Scan) -> tuple[Structure, ...]:
    """Return the lesion and the limiting structure first, then the scan's other structures, each name once."""
    ordered = (plan.lesion, plan.limiting_structure, *scan.structures)
    return tuple({structure.name: structure for structure in reversed(ordered)}[name] for name in _names(ordered))


def _names(structures: tuple[Structure, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(structure.name for structure in structures))


@dataclass(frozen=True, eq=False)
class _Reading:
    """What every structure is read with."""

    plan: Plan
    field: DoseField
    grid_dose: Dose
    slice_mm: float
    ends: EndConvention
    sigma_mm: float

    def of(self, structure: Structure) -> StructureDose | str:
        """Return the dose to a structure, or why it has none."""
        try:
            spacing = suitable_spacing_mm(structure.region, single_plane_mm=self.slice_mm)
            fine, coarse = (self._points(structure, spacing * factor) for factor in (1.0, COARSER))
        except StructureError as error:
            return str(error)
        doses = TwoDensities(dose_volume(fine, self.field), dose_volume(coarse, self.field))
        if not (doses.fine.dose_gy.size and doses.coarse.dose_gy.size):
            return why_without_dose(doses.fine)
        hot = TwoDensities(*(self._hot(structure, doses.fine, HOT_SPACING_MM * factor) for factor in (1.0, COARSER)))
        return self._result(structure, fine, doses, hot)

    def _hot(self, structure: Structure, doses: DoseVolume, spacing_mm: float) -> DoseVolume:
        return hot_part(
            structure.region,
            doses,
            self.field,
            spacing_mm=spacing_mm,
            ends=self.ends,
            single_plane_mm=self.slice_mm,
        )

    def _points(self, structure: Structure, spacing_mm: float) -> Quadrature:
        """Return the points in a structure, of its surface only the nearest: the hot part looks at the rest."""
        points = quadrature(
            structure.region,
            spacing_mm=spacing_mm,
            within=self.grid_dose.volume.grid,
            ends=self.ends,
            single_plane_mm=self.slice_mm,
            surface=False,
        )
        nearest = nearest_points_mm(
            structure.region, self.field.sources_mm, ends=self.ends, single_plane_mm=self.slice_mm
        )
        return replace(points, surface_mm=nearest)

    def _result(
        self, structure: Structure, points: Quadrature, doses: TwoDensities, hot: TwoDensities
    ) -> StructureDose:
        fine = doses.fine
        x, y, z = (float(value) for value in hot.fine.hottest_mm)
        metrics = dose_metrics(doses, hot, level_gy=self.plan.prescription.dose_gy)
        return StructureDose(
            structure=structure.name,
            role=structure.role,
            level=structure.level,
            confirmed=structure.confirmed,
            volume_cc=points.total_mm3 / 1000,
            in_applicator_cc=fine.in_applicator_mm3 / 1000,
            outside_fraction=fine.outside_mm3 / fine.dosed_mm3,
            convention=f"{points.convention}; points {points.spacing_mm:.2f} mm apart",
            curve=curve(fine),
            metrics=(*metrics, *self._upper_metrics(hot, metrics)),
            hottest_mm=(x, y, z),
            notes=structure_notes(structure, fine),
        )

    def _upper_metrics(self, hot: TwoDensities, metrics: tuple[Metric, ...]) -> tuple[Metric, ...]:
        fine, coarse = (
            upper_bounds(found, dwell=self.plan.dwell, output=self.plan.output, sigma_mm=self.sigma_mm)
            for found in (hot.fine, hot.coarse)
        )
        holds_applicator = hot.fine.in_applicator_mm3 > 0
        return (
            _upper(
                find(metrics, "point maximum"),
                (fine.point_maximum_upper_95_gy, coarse.point_maximum_upper_95_gy),
                holds_applicator=holds_applicator,
            ),
            _upper(
                find(metrics, "D0.03cc"),
                (fine.d003cc_upper_95_gy, coarse.d003cc_upper_95_gy),
                holds_applicator=holds_applicator,
            ),
        )


def _upper(nominal: Metric, bounds: tuple[float | None, float | None], *, holds_applicator: bool) -> Metric:
    """Return the upper bound of a metric; not determinable where the metric is not, or where there is none."""
    name = f"{nominal.name}, upper 95 %"
    if nominal.value is None:
        return Metric(name, None, nominal.unit, None, None, nominal.note)
    if holds_applicator:
        return Metric(name, None, nominal.unit, None, None, "none: the applicator lies in the structure")
    if None in bounds or not np.isfinite(np.array(bounds, dtype=np.float64)).all():
        return Metric(name, None, nominal.unit, None, None, "none: the tip may touch the structure (PHY-22)")
    fine, coarse = (float(bound) for bound in bounds if bound is not None)
    return Metric(name, fine, nominal.unit, min(fine, coarse), max(fine, coarse))


def why_without_dose(doses: DoseVolume) -> str:
    """Say why a structure of which no point has a dose has none."""
    if doses.in_applicator_mm3 > doses.outside_mm3:
        return "it lies wholly inside the applicator, where no dose is defined (DVH-04)"
    return "it lies wholly outside the dose grid"


def structure_notes(structure: Structure, doses: DoseVolume) -> tuple[str, ...]:
    """Say what of a structure has no known dose, and whether its ends are in doubt."""
    notes = []
    if doses.outside_mm3:
        notes.append(
            f"{doses.outside_mm3 / doses.dosed_mm3:.1%} of the volume lies outside the dose grid, where the dose is at "
            f"most {doses.largest_outside_gy:.2g} Gy (DVH-05)"
        )
    if doses.in_applicator_mm3:
        notes.append(f"{doses.in_applicator_mm3 / 1000:.2f} cc lie inside the applicator and are left out (DVH-04)")
    if isinstance(structure.region, ContourSet) and len(structure.region.closed) < 5:
        notes.append("drawn on few slices: the end-cap convention (DVH-01) changes its volume and doses")
    return tuple(notes)
