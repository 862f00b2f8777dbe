"""Biologically effective dose, equivalent dose in 2 Gy fractions, and what re-irradiation leaves.

The linear-quadratic model overestimates above about 10 to 15 Gy a fraction (BED-02). The relative biological
effectiveness of 50 kV photons is applied before the model and is never 1 (RBE-01).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import TYPE_CHECKING, TypeVar

from metaspine.errors import InputError

if TYPE_CHECKING:  # an assessment needs these numbers, and starts without arrays
    import numpy as np
    from numpy.typing import NDArray

_Gray = TypeVar("_Gray", float, "NDArray[np.float64]")

CORD_ALPHA_BETA_GY = 2.0
"""BED-01: the spinal cord and the thecal sac."""
RBE_50_KV = 1.3
"""RBE-01."""
NEW_COURSE_EQD2_GY = 25.0
"""RERT-04."""
CUMULATIVE_EQD2_GY = 70.0
"""RERT-04."""
NEW_TO_CUMULATIVE_RATIO = 0.5
"""RERT-04."""
INTERVAL_MONTHS = 5.0
"""RERT-03."""
LINEAR_QUADRATIC_GY = 15.0
"""BED-02: the upper end of where the linear-quadratic model begins to overestimate a single fraction."""
_HIGHEST_RBE = 2.0
"""EXCHANGE-37."""


@dataclass(frozen=True)
class BiologicalModel:
    """How a single fraction of physical 50 kV dose becomes a biologically weighted one.

    Parameters
    ----------
    rbe
        The relative biological effectiveness, the same at every distance (RBE-01, EXCHANGE-37).
    alpha_beta_gy
        Of the one tissue that the result is for: it is then an equivalent dose in 2 Gy fractions (BED-01). None: the
        dose is weighted by the effectiveness alone.

    Raises
    ------
    InputError
        When the effectiveness is not above 1 and at most 2, or alpha/beta is not positive.
    """

    rbe: float = RBE_50_KV
    alpha_beta_gy: float | None = None

    def __post_init__(self) -> None:
        if not 1.0 < self.rbe <= _HIGHEST_RBE:
            raise InputError(
                f"a relative biological effectiveness of {self.rbe:g}",
                where="biological model",
                remedy=f"Give one above 1, as 50 kV is never 1 (RBE-01), and at most {_HIGHEST_RBE:g} (EXCHANGE-37)",
            )
        if self.alpha_beta_gy is not None and not (isfinite(self.alpha_beta_gy) and self.alpha_beta_gy > 0):
            raise InputError(
                f"an alpha/beta of {self.alpha_beta_gy:g} Gy", where="biological model", remedy="Give a positive one"
            )

    @property
    def evidence(self) -> tuple[str, ...]:
        """What the model rests on."""
        return ("RBE-01",) if self.alpha_beta_gy is None else ("RBE-01", "BED-01", "BED-02")

    def of(self, physical_gy: _Gray) -> _Gray:
        """Return the weighted dose in Gy of a single fraction, elementwise: the effectiveness before the model."""
        weighted = physical_gy * self.rbe
        if self.alpha_beta_gy is None:
            return weighted
        return weighted * (weighted + self.alpha_beta_gy) / (2.0 + self.alpha_beta_gy)


@dataclass(frozen=True)
class ReirradiationCheck:
    """The four criteria for re-irradiating the thecal sac (RERT-04), each with its figure in Gy EQD2."""

    prior_eqd2_gy: float
    current_eqd2_gy: float
    cumulative_eqd2_gy: float
    ratio: float
    cumulative_met: bool
    current_met: bool
    ratio_met: bool
    interval_met: bool


def biologically_effective_dose_gy(fractions: int, dose_per_fraction_gy: float, *, alpha_beta_gy: float) -> float:
    """Return the biologically effective dose, n d (1 + d / (alpha/beta)).

    Raises
    ------
    InputError
        When a number of fractions or a dose is negative, or alpha/beta is not positive.
    """
    if fractions < 1 or dose_per_fraction_gy < 0 or not alpha_beta_gy > 0:
        raise InputError(
            f"{fractions} fractions of {dose_per_fraction_gy} Gy at alpha/beta {alpha_beta_gy} Gy",
            where="biologically effective dose",
            remedy="Give at least one fraction, a dose that is not negative and a positive alpha/beta",
        )
    return fractions * dose_per_fraction_gy * (1.0 + dose_per_fraction_gy / alpha_beta_gy)


def equivalent_dose_2gy(fractions: int, dose_per_fraction_gy: float, *, alpha_beta_gy: float) -> float:
    """Return the equivalent dose in 2 Gy fractions, n d (d + alpha/beta) / (2 + alpha/beta)."""
    effective = biologically_effective_dose_gy(fractions, dose_per_fraction_gy, alpha_beta_gy=alpha_beta_gy)
    return effective / (1.0 + 2.0 / alpha_beta_gy)


def total_dose_of_eqd2_gy(eqd2_gy: float, fractions: int, *, alpha_beta_gy: float = CORD_ALPHA_BETA_GY) -> float:
    """Return the total dose in ``fractions`` whose EQD2 is ``eqd2_gy``: the positive root of the EQD2's quadratic."""
    if fractions < 1 or eqd2_gy < 0:
        raise InputError(f"an EQD2 of {eqd2_gy} Gy in {fractions} fractions", where="equivalent dose")
    product = eqd2_gy * (2.0 + alpha_beta_gy) / fractions
    return fractions * (sqrt(alpha_beta_gy**2 + 4.0 * product) - alpha_beta_gy) / 2.0


def rbe_weighted_gy(physical_gy: float, *, rbe: float = RBE_50_KV) -> float:
    """Return a 50 kV dose weighted by its relative biological effectiveness, in Gy(RBE)."""
    return physical_gy * rbe


def reirradiation_allowance_gy(prior_eqd2_gy: float) -> float:
    """Return the most that a new course may give to the thecal sac, in Gy EQD2 (RERT-04); never below zero."""
    ratio = NEW_TO_CUMULATIVE_RATIO
    by_ratio = prior_eqd2_gy * ratio / (1.0 - ratio)
    return max(0.0, min(NEW_COURSE_EQD2_GY, CUMULATIVE_EQD2_GY - prior_eqd2_gy, by_ratio))


def physical_50_kv_dose_of_eqd2_gy(eqd2_gy: float, *, rbe: float = RBE_50_KV) -> float:
    """Return the physical single 50 kV dose to the cord whose RBE-weighted EQD2 is ``eqd2_gy`` (RERT-01)."""
    return total_dose_of_eqd2_gy(eqd2_gy, 1) / rbe


def check_reirradiation(
    prior_courses: tuple[tuple[float, int], ...], *, new_total_gy: float, new_fractions: int, interval_months: float
) -> ReirradiationCheck:
    """Check a new course against the four criteria for the thecal sac (RERT-04, RERT-03).

    Parameters
    ----------
    prior_courses
        (maximum dose to the thecal sac in Gy, number of fractions) of each previous course.
    new_total_gy
        Maximum dose of the new course to the thecal sac, weighted for its biological effectiveness.
    """
    prior = sum(
        equivalent_dose_2gy(number, total / number, alpha_beta_gy=CORD_ALPHA_BETA_GY) for total, number in prior_courses
    )
    current = equivalent_dose_2gy(new_fractions, new_total_gy / new_fractions, alpha_beta_gy=CORD_ALPHA_BETA_GY)
    cumulative = prior + current
    ratio = current / cumulative if cumulative > 0 else 0.0
    return ReirradiationCheck(
        prior,
        current,
        cumulative,
        ratio,
        cumulative_met=cumulative <= CUMULATIVE_EQD2_GY,
        current_met=current <= NEW_COURSE_EQD2_GY,
        ratio_met=ratio <= NEW_TO_CUMULATIVE_RATIO,
        interval_met=interval_months >= INTERVAL_MONTHS,
    )
