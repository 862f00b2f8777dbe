"""The needle's own plan as the reader of other systems' plans finds it: no proof of either, but of their agreement."""

from __future__ import annotations

import pytest
from planned_objects import STUDY, WHEN, small_plan

from metaspine.exchange.rtplan import read_plan_dicom
from metaspine.exchange.writing.rtplan import write_rtplan


def test_the_needles_own_plan_reads_as_it_was_planned(tmp_path):
    plan = small_plan()
    found = read_plan_dicom(write_rtplan(plan, tmp_path / "plan.dcm", study=STUDY, when=WHEN))
    assert found.technique == ("INTERSTITIAL", "HDR")
    assert (found.fractions, found.prescribed_gy) == (1, plan.prescription.dose_gy)
    assert found.applications[0].time_s == pytest.approx(plan.dwell.time_s, abs=0.01)
    assert found.beams == ()
    assert "the plan is UNAPPROVED" in found.notes
