"""A patient whose every fact is known and unremarkable, and ways to change one fact."""

from __future__ import annotations

import copy
from typing import Any

from metaspine.assessment import advice_document, assess
from metaspine.exchange.case_file import case_from_document

KNOWN: dict[str, Any] = {
    "patient": {
        "age_years": 60,
        "sex": "F",
        "pregnant": False,
        "kps": 80,
        "ecog": 1,
        "expected_survival_months": 12,
        "cci_excluding_metastasis": 0,
        "tolerates_open_surgery": True,
        "tolerates_any_procedure": True,
        "anaesthesia_fit": True,
        "iort_consent": True,
        "iort_board_indication": True,
        "cardiopulmonary_reserve_adequate": True,
        "high_volume_centre": True,
    },
    "oncology": {
        "primary": "breast",
        "subtype": "luminal",
        "histology_confirmed": True,
        "visceral_mets": "none",
        "brain_mets": False,
        "extraspinal_bone_mets": 0,
        "vertebral_mets": 1,
        "total_metastases_count": 1,
        "treatable_painful_vertebrae": 1,
        "primary_controlled": True,
        "systemic_options_remaining": True,
    },
    "lesion": {
        "level": "T8",
        "levels_involved": ["T8"],
        "contiguous_levels": 1,
        "pain": "mechanical",
        "nrs": 5,
        "bone_lesion": "lytic",
        "alignment": "normal",
        "collapse": "lt50",
        "posterolateral": "none",
        "escc": "0",
        "tomita_type": 1,
        "pedicle_infiltration": False,
        "dorsal_elements_involved": False,
        "paraspinal_extension": False,
        "stabilised_already": False,
        "cement_in_place": False,
        "prior_rt_at_level": False,
    },
    "neuro": {
        "presentation": "local_pain",
        "myelopathy": False,
        "cauda_equina": False,
        "acute_cord_compression": False,
        "functional_radiculopathy": False,
        "ambulatory": True,
        "asia": "E",
        "frankel": "E",
        "symptom_duration_days": 10,
    },
}
"""SINS 8 (1 + 3 + 2 + 0 + 2 + 0), ESCC 0, sensitive: stabilisation and IORT are possible."""


def known(**changes: Any) -> dict[str, Any]:
    """KNOWN with changes, e.g. ``known(lesion__escc="3", patient__kps=70)``."""
    document = copy.deepcopy(KNOWN)
    for path, value in changes.items():
        section, _, key = path.partition("__")
        document[section][key] = value
    return document


def advice(**changes: Any) -> dict[str, Any]:
    """The answer to KNOWN with changes."""
    return advice_document(assess(case_from_document(known(**changes))))
