"""A dose that another system computed: external beam, an earlier course, another plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metaspine.geometry.volume import Volume

DoseType = Literal["PHYSICAL", "EFFECTIVE", "ERROR"]


@dataclass(frozen=True, eq=False)
class PriorDose:
    """Dose in Gy as another system wrote it; what it is to, and how it was made, only its words say.

    Parameters
    ----------
    volume
        Gy at voxel centres; NaN where the other system says that none is defined.
    dose_type
        DICOM's: physical, effective (weighted by a biological effectiveness), or a difference (ERROR).
    summation
        DICOM's DoseSummationType: PLAN, MULTI_PLAN, FRACTION, BEAM ...; only PLAN and MULTI_PLAN are a whole plan's.
    plan_uid
        The plan it belongs to; empty where none is named.
    comment
        What the other system says of it.
    notes
        What the reader had to do or noticed, as sentences for the user.
    """

    volume: Volume
    dose_type: DoseType
    summation: str
    plan_uid: str = ""
    comment: str = ""
    notes: tuple[str, ...] = ()

    @property
    def whole_plan(self) -> bool:
        """Whether the dose is that of a whole plan, and not of a beam or a fraction of it."""
        return self.summation in ("PLAN", "MULTI_PLAN")
