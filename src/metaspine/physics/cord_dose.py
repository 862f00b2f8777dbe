"""What the spinal cord takes without previous radiotherapy: a range of two published models (HyTEC 2021, HYTEC-01).

The lower end comes from a series of thecal sacs, the upper from a series of true cords, for 2 to 5 fractions
extrapolated by the linear-quadratic model. It is no confidence interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.errors import InputError
from metaspine.physics.radiobiology import CORD_ALPHA_BETA_GY, equivalent_dose_2gy

_RANGE_GY = {1: (12.4, 14.0), 2: (17.0, 19.3), 3: (20.3, 23.1), 4: (23.0, 26.2), 5: (25.3, 28.8)}
"""HYTEC-01: maximum dose for a risk of myelopathy of 1 to 5 %, by the number of fractions."""


@dataclass(frozen=True)
class CordDoseRange:
    """The range of the maximum total dose in Gy for a risk of myelopathy of 1 to 5 %, and the same in EQD2."""

    fractions: int
    lower_gy: float
    upper_gy: float
    lower_eqd2_gy: float
    upper_eqd2_gy: float
    evidence: str = "HYTEC-01"


def cord_dose_range(fractions: int, *, prior_radiotherapy: bool) -> CordDoseRange:
    """Return the range of models for the cord's maximum dose in 1 to 5 fractions, without previous radiotherapy.

    Doses in Gy; EQD2 with alpha/beta 2 Gy. Source: HyTEC (Sahgal 2021), table 3 (HYTEC-01).

    Raises
    ------
    InputError
        After previous radiotherapy, and for a number of fractions that the publication does not give.
    """
    if prior_radiotherapy:
        raise InputError(
            "the cord's dose range without previous radiotherapy was asked for after previous radiotherapy",
            where="cord dose",
            remedy="Use the criteria for re-irradiation (RERT-04)",
        )
    if fractions not in _RANGE_GY:
        raise InputError(
            f"no range is published for {fractions} fractions", where="cord dose", remedy="It is for 1 to 5 fractions"
        )
    lower, upper = _RANGE_GY[fractions]
    return CordDoseRange(fractions, lower, upper, _eqd2_gy(fractions, lower), _eqd2_gy(fractions, upper))


def _eqd2_gy(fractions: int, total_gy: float) -> float:
    return equivalent_dose_2gy(fractions, total_gy / fractions, alpha_beta_gy=CORD_ALPHA_BETA_GY)
