"""The made-up patient of made_up_patient.py, built once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_up_patient import make_dose, make_plan, make_scan, scan_grid

from metaspine.evaluation import MonteCarlo, Wanted, check_limit, run_monte_carlo
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.physics.applicator_files import read_applicator


@pytest.fixture(scope="session")
def scan() -> Scan:
    return make_scan(scan_grid())


@pytest.fixture(scope="session")
def plan(scan: Scan) -> Plan:
    return make_plan(scan)


@pytest.fixture(scope="session")
def dose(scan: Scan) -> Dose:
    return make_dose(scan)


@pytest.fixture(scope="session")
def console_plan(scan: Scan, plan: Plan) -> Plan:
    """The made-up plan with a spectrum, so that photons can be followed, and with the limit's check as it comes out."""
    needle = read_applicator("intrabeam-needle")
    applicator = replace(plan.applicator, spectrum=needle.spectrum, filters=needle.filters)
    limit = check_limit(
        plan.limiting_structure,
        plan.prescription.requested.limit,
        dwell=plan.dwell,
        applicator=applicator,
        output=plan.output,
        tip_position_uncertainty_mm=applicator.tip_position_uncertainty_mm,
    )
    return replace(plan, applicator=applicator, limit=limit)


@pytest.fixture(scope="session")
def monte_carlo(scan: Scan, console_plan: Plan) -> MonteCarlo:
    """A short run on a coarse grid."""
    wanted = Wanted(relative_uncertainty=None, histories=1)
    return run_monte_carlo(console_plan, scan, wanted=wanted, spacing_mm=2.0, half_extent_mm=24.0)
