"""The made-up patient of made_up_patient.py, built once."""

from __future__ import annotations

import pytest
from made_up_patient import make_dose, make_plan, make_scan, scan_grid

from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan


@pytest.fixture(scope="session")
def scan() -> Scan:
    return make_scan(scan_grid())


@pytest.fixture(scope="session")
def plan(scan: Scan) -> Plan:
    return make_plan(scan)


@pytest.fixture(scope="session")
def dose(scan: Scan) -> Dose:
    return make_dose(scan)
