"""What a dose from elsewhere does to the structures of a scan: external beam, an earlier course, another plan."""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.errors import InputError, StructureError
from metaspine.evaluation.dvh import curve, dose_volume
from metaspine.evaluation.evaluate import (
    COARSER,
    StructureDose,
    structure_named,
    structure_notes,
    why_without_dose,
)
from metaspine.evaluation.fields import GridField, Interpolation
from metaspine.evaluation.hot_part import HOT_SPACING_MM, hot_part
from metaspine.evaluation.metrics import REPORTED_LEVEL_GY, TwoDensities, dose_metrics
from metaspine.evaluation.quadrature import quadrature, suitable_spacing_mm
from metaspine.geometry.slabs import EndConvention
from metaspine.patient.prior_dose import PriorDose
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure

EVIDENCE = ("DVH-01", "DVH-03", "DVH-05", "DVH-06", "DVH-07")


@dataclass(frozen=True, eq=False)
class PriorEvaluation:
    """A dose from elsewhere, structure by structure. It is in its own convention and added to nothing."""

    prior: PriorDose
    structures: tuple[StructureDose, ...]
    left_out: tuple[tuple[str, str], ...]
    """Name and reason."""
    between: Interpolation
    notes: tuple[str, ...]
    evidence: tuple[str, ...] = EVIDENCE

    def of(self, name: str) -> StructureDose:
        """Return the dose to the structure of that name.

        Raises
        ------
        StructureError
            When it was not evaluated; the message says why.
        """
        return structure_named(name, self.structures, self.left_out, where="prior dose")


def evaluate_prior(
    prior: PriorDose,
    scan: Scan,
    *,
    between: Interpolation = "linear",
    level_gy: float = REPORTED_LEVEL_GY,
    ends: EndConvention = "prism",
) -> PriorEvaluation:
    """Return histogram and metrics of every structure of the scan in a dose from elsewhere.

    Parameters
    ----------
    prior, scan
        In one frame of reference.
    between
        How the dose between its voxels is found (DVH-07): "logarithmic" for a source in or near the structures
        (brachytherapy, intraoperative), "linear" for beams. Every metric's note names it.
    level_gy
        V and the volume are stated at it, beside 8 Gy.
    ends
        For structures drawn as contours: where the first and the last slice end (DVH-01).

    Raises
    ------
    FrameMismatch
        When dose and scan live in different frames of reference.
    InputError
        When the dose is a difference of doses.
    """
    prior.volume.grid.require_frame(scan.frame_of_reference, where="prior dose")
    if prior.dose_type == "ERROR":
        raise InputError(
            "a difference of doses has no dose-volume histogram", where="prior dose", remedy="Give the dose itself"
        )
    reading = _Reading(
        GridField(prior.volume, between=between), float(scan.image.grid.spacing_mm[2]), level_gy=level_gy, ends=ends
    )
    read = [(structure.name, reading.of(structure)) for structure in scan.structures]
    return PriorEvaluation(
        prior=prior,
        structures=tuple(found for _, found in read if isinstance(found, StructureDose)),
        left_out=tuple((name, found) for name, found in read if isinstance(found, str)),
        between=between,
        notes=prior.notes,
    )


@dataclass(frozen=True, eq=False)
class _Reading:
    """What every structure is read with."""

    field: GridField
    slice_mm: float
    level_gy: float
    ends: EndConvention

    def of(self, structure: Structure) -> StructureDose | str:
        """Return the dose to a structure, or why it has none."""
        try:
            spacing = suitable_spacing_mm(structure.region, single_plane_mm=self.slice_mm)
            points = [
                quadrature(
                    structure.region,
                    spacing_mm=spacing * factor,
                    within=self.field.volume.grid,
                    ends=self.ends,
                    single_plane_mm=self.slice_mm,
                )
                for factor in (1.0, COARSER)
            ]
        except StructureError as error:
            return str(error)
        doses = TwoDensities(*(dose_volume(part, self.field) for part in points))
        if not (doses.fine.dose_gy.size and doses.coarse.dose_gy.size):
            return why_without_dose(doses.fine)
        x, y, z = (float(value) for value in doses.fine.hottest_mm)
        return StructureDose(
            structure=structure.name,
            role=structure.role,
            level=structure.level,
            confirmed=structure.confirmed,
            volume_cc=points[0].total_mm3 / 1000,
            in_applicator_cc=doses.fine.in_applicator_mm3 / 1000,
            outside_fraction=doses.fine.outside_mm3 / doses.fine.dosed_mm3,
            convention=f"{points[0].convention}; points {points[0].spacing_mm:.2f} mm apart",
            curve=curve(doses.fine),
            metrics=dose_metrics(doses, self._hot(structure, doses), level_gy=self.level_gy),
            hottest_mm=(x, y, z),
            notes=structure_notes(structure, doses.fine),
        )

    def _hot(self, structure: Structure, doses: TwoDensities) -> TwoDensities:
        return TwoDensities(
            *(
                hot_part(
                    structure.region,
                    doses.fine,
                    self.field,
                    spacing_mm=HOT_SPACING_MM * factor,
                    ends=self.ends,
                    single_plane_mm=self.slice_mm,
                )
                for factor in (1.0, COARSER)
            )
        )
