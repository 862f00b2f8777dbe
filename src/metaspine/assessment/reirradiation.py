"""What a previous course of radiotherapy leaves for the thecal sac (C4), by formula and never from a table."""

from __future__ import annotations

from metaspine.patient.advice import Basis, Reirradiation
from metaspine.patient.case import PriorRadiotherapy
from metaspine.physics.radiobiology import (
    CORD_ALPHA_BETA_GY,
    INTERVAL_MONTHS,
    equivalent_dose_2gy,
    physical_50_kv_dose_of_eqd2_gy,
    rbe_weighted_gy,
    reirradiation_allowance_gy,
)

_EVIDENCE = ("RERT-04", "CONFLICT-RERT-EXAMPLES", "RERT-01", "RERT-02", "RERT-03", "RBE-01", "BED-01", "BED-02")


def reirradiation(prior: PriorRadiotherapy) -> Reirradiation:
    """Return the allowance after one previous course; no figure where the interval fails or something is unknown.

    A previous intraoperative course at 50 kV is weighted by its biological effectiveness first (RBE-01).
    """
    eqd2 = _prior_eqd2_gy(prior)
    interval = None if prior.months_ago is None else prior.months_ago >= INTERVAL_MONTHS
    reason = _reason(eqd2, interval)
    allowance = reirradiation_allowance_gy(eqd2) if eqd2 is not None and interval else None
    return Reirradiation(
        prior_thecal_sac_eqd2_2=None if eqd2 is None else round(eqd2, 2),
        max_new_thecal_sac_eqd2_2=None if allowance is None else round(allowance, 2),
        iort_max_canal_gy_physical=None if allowance is None else round(physical_50_kv_dose_of_eqd2_gy(allowance), 2),
        interval_ge_5_months=interval,
        all_hytec_criteria_can_be_met=_can_be_met(reason),
        reason=reason,
        basis=Basis(_EVIDENCE, _missing(prior)),
    )


def _prior_eqd2_gy(prior: PriorRadiotherapy) -> float | None:
    if prior.thecal_sac_dmax_gy is None or prior.fractions is None:
        return None
    physical = prior.thecal_sac_dmax_gy
    weighted = rbe_weighted_gy(physical) if prior.modality == "IORT" else physical
    return equivalent_dose_2gy(prior.fractions, weighted / prior.fractions, alpha_beta_gy=CORD_ALPHA_BETA_GY)


def _reason(eqd2_gy: float | None, interval: bool | None) -> str | None:
    if interval is False:
        return "RERT_INTERVAL_FAILS"
    if interval is None:
        return "RERT_INTERVAL_UNKNOWN"
    if eqd2_gy is None:
        return "PRIOR_THECAL_DOSE_UNKNOWN"
    return None if reirradiation_allowance_gy(eqd2_gy) > 0 else "NO_ALLOWANCE_LEFT"


def _can_be_met(reason: str | None) -> bool | None:
    if reason in ("RERT_INTERVAL_FAILS", "NO_ALLOWANCE_LEFT"):
        return False
    return True if reason is None else None


def _missing(prior: PriorRadiotherapy) -> tuple[str, ...]:
    asked = ("thecal_sac_dmax_gy", "fractions", "months_ago")
    return tuple(f"lesion.prior_rt_at_level.{key}" for key in asked if getattr(prior, key) is None)
