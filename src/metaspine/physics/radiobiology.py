"""Biologically effective dose, equivalent dose in 2 Gy fractions, and what re-irradiation leaves.

The linear-quadratic model overestimates above about 10 to 15 Gy a fraction (BED-02). The relative biological
effectiveness of 50 kV photons is applied before the model and is never 1 (RBE-01).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from metaspine.errors import InputError

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
