"""How much each statement of the pathway weighs, read from the words of the sources, not from the program's tables.

"Never", "contraindicated", a hard stop: stop. "Not for", "avoid", "rarely indicated", "no candidate": avoid. An order,
"first", "preferred", "is asked for": prefer. "An option", "acceptable", "possible", "may": accept. A risk, a limit of
what is known, a check that is missing: warn. Figures and definitions: inform.
"""

from __future__ import annotations

import pytest
from pathway_cases import SPEAKS, document_of

from metaspine.assessment import assess
from metaspine.assessment.pathway import pathway
from metaspine.exchange.case_file import case_from_document
from metaspine.patient.pathway import Advisory
from metaspine.patient.policy import BoardPolicy

BY_WEIGHT = {
    "stop": "PREGNANCY-01 BONE-01 STER-04",
    "avoid": "BONE-02 SURG-11b SURG-11c SURG-11d SURG-11e RERT-03 SURG-05 NOMS-14 VOL-02b VOL-02c",
    "prefer": (
        "AE-04 AE-05 AE-06 AE-08 SURG-11g NOMS-17 IMG-01 IMG-03 IMG-05 SBRT-08 SBRT-09a SBRT-09b SBRT-10 STER-09a "
        "STER-09b STER-10 SURG-07a SURG-08-S1 SURG-08-S3 SURG-13 TIMING-01 TIMING-02 VOL-01 VOL-03a VOL-03b VOL-04a "
        "VOL-04b WFNS-01"
    ),
    "accept": (
        "BONE-05 BONE-06 SURG-11a SURG-11f GOC-02 IMG-02 KYPHO-05 KYPHO-06 IORT-31 RT-05a RT-05b RT-03 RT-06 NOMS-13 "
        "SBRT-11 SBRT-14 SBRT-17 STER-05 SURG-12 MUT-02a MUT-02b MUT-02c MUT-04 MUT-06 TIMING-03 TOX-05b UNTREATED-03 "
        "VOL-02a WFNS-02"
    ),
    "warn": (
        "AE-01 IORT-30 BONE-03 BONE-04 BONE-08 BONE-09 DDX-01a DDX-01b DDX-01c DDX-01d DDX-01e IORT-32 KYPHO-08 "
        "RERT-04 RAD-10 SBRT-16 CCI-01 SURG-02-SOFT SURG-07c MUT-03b MUT-03c MUT-05 MUT-09 TIMING-05 TOX-02 TOX-04 "
        "UNTREATED-01 UNTREATED-02 WFNS-03"
    ),
    "inform": (
        "AE-02 AE-03 AE-07 BONE-07 DDX-01f IMG-04 IORT-20 KYPHO-07 IORT-34 RAD-11a RAD-11b RAD-11c RAD-12a RAD-12b "
        "RT-07 RT-08 SBRT-07 SBRT-12 SBRT-13 SBRT-15 SURG-04 SURG-06 SURG-09 SURG-01a SURG-01b SURG-01c SURG-01d "
        "SURG-07b SURG-08-EN-BLOC MUT-03a MUT-07 MUT-08 TIMING-04 TOX-03 TOX-01 TOX-05a TOX-06a TOX-06b TOX-06c "
        "TOX-06d TOX-07a TOX-07b UNTREATED-04 VOL-05"
    ),
}
WEIGHTS = {name: weight for weight, names in BY_WEIGHT.items() for name in names.split()}


def said_of(name: str) -> Advisory:
    """Return the statement of a rule in the case in which it speaks."""
    changes = SPEAKS[name][0]
    case = case_from_document(document_of(changes))
    found = pathway(case, assess(case, BoardPolicy(choices=changes.get("policy", {}))))
    return next(one for scope in (found.of_patient, *found.of_lesions) for one in scope if one.rule == name)


def test_every_statement_has_a_weight_here() -> None:
    assert sorted(WEIGHTS) == sorted(SPEAKS)


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_statement_weighs_what_its_source_says(name: str) -> None:
    assert said_of(name).strength == WEIGHTS[name]
