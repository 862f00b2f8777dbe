"""ESCC: the grade of epidural spinal cord compression (Bilsky) and its class."""

from __future__ import annotations

from metaspine.assessment.tables import table
from metaspine.patient.advice import Basis, Escc
from metaspine.patient.case import LesionFacts

_CAUDA = "below the cord's end the grade describes the thecal sac and the cauda equina, not the cord"
_CONUS = "the cord ends about L1-L2; whether the canal holds cord, conus or cauda at this level shows only on MR"


def escc(lesion: LesionFacts) -> Escc:
    """Return the grade of one lesion, its class (low 0-1c, high 2-3) and what the canal holds there (ESCC-03)."""
    content = table("escc")
    region = next((name for name, levels in content["regions"].items() if lesion.level in levels), "cord")
    notes = {"cauda": (_CAUDA,), "conus": (_CONUS,)}.get(region, ())
    return Escc(
        grade=lesion.escc,
        compression=None if lesion.escc is None else content["class"][lesion.escc],
        region=region,
        basis=Basis(
            (*content["evidence"], *(("ESCC-03",) if notes else ())),
            () if lesion.escc is not None else ("lesion.escc",),
            notes,
        ),
    )


def grade_rank(grade: str | None) -> int:
    """Return the place of a grade in ascending order; -1 where it is not known (ESCC-01)."""
    return -1 if grade is None else list(table("escc")["class"]).index(grade)
