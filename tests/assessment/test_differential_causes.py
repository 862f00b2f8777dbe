"""The other causes that are raised where facts do not fit, as the source lists them (DDX-01)."""

from __future__ import annotations

import pytest
from pathway_cases import CORD, HIGH, STABLE, UNPROVEN, Changes, document_of

from metaspine.assessment import assess
from metaspine.assessment.pathway import pathway
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.advice import Advice

DEFICIT = (
    "Other causes: leptomeningeal metastasis (needs gadolinium), intramedullary metastasis, radiation myelopathy, "
    "meningitis, epidural abscess or haematoma, spinal lipomatosis"
)
PAIN = "Other causes: osteoporotic fracture, infection, spondylosis, disc herniation, referred visceral pain"
ROOT: Changes = {"neuro__presentation": "unilateral_radicular_deficit"}
NO_GRADE: Changes = {"lesion__escc": None}
BESIDE: Changes = {"beside": {"lesion__level": "L1", **HIGH}}


def remarks(changes: Changes) -> dict[str, tuple[str, ...]]:
    """Return the remarks of every rule of the differential that speaks of the first lesion."""
    case = case_from_document(document_of(changes))
    advice: Advice = assess(case)
    return {one.rule: one.basis.notes for one in pathway(case, advice).of_lesions[0] if one.rule.startswith("DDX-01")}


@pytest.mark.parametrize(
    ("changes", "raised"),
    [
        (CORD, {"DDX-01a": DEFICIT}),
        (CORD | BESIDE, {"DDX-01b": DEFICIT}),
        (CORD | NO_GRADE, {"DDX-01c": DEFICIT}),
        ({"neuro__asia": "A"}, {"DDX-01d": DEFICIT}),
        ({"neuro__asia": "B"}, {"DDX-01d": DEFICIT}),
        ({"neuro__asia": "C"}, {"DDX-01d": DEFICIT}),
        ({"neuro__asia": "D"}, {"DDX-01d": DEFICIT}),
        (ROOT, {"DDX-01e": DEFICIT}),
        *((ROOT | {"neuro__asia": grade}, {"DDX-01d": DEFICIT}) for grade in "ABCD"),
        (ROOT | {"neuro__asia": "E"}, {"DDX-01e": DEFICIT}),
        (UNPROVEN, {"DDX-01f": PAIN}),
        (UNPROVEN | STABLE, {}),
        ({}, {}),
        (CORD | HIGH, {}),
    ],
    ids=str,
)
def test_the_other_causes_are_those_of_the_source(changes: Changes, raised: dict[str, str]) -> None:
    assert {rule: notes[1] for rule, notes in remarks(changes).items()} == raised


@pytest.mark.parametrize(
    ("changes", "rule", "unfitting"),
    [
        (CORD | NO_GRADE, "DDX-01c", "presentation clinical cord compression, myelopathy yes"),
        (UNPROVEN, "DDX-01f", "primary breast, kind of pain mechanical, confirmation of the histology no"),
        (ROOT, "DDX-01e", "ESCC grade (MRI) 0, presentation unilateral radicular deficit"),
    ],
)
def test_what_does_not_fit(changes: Changes, rule: str, unfitting: str) -> None:
    assert remarks(changes)[rule][0] == f"What does not fit: {unfitting}"
