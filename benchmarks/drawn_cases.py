"""Cases drawn at random, no two alike: a benchmark on repeats would flatter everything that remembers."""

from __future__ import annotations

from random import Random
from typing import Any, get_args

from metaspine.errors import CaseError
from metaspine.exchange.case_file import case_from_document
from metaspine.patient import case as nouns
from metaspine.patient.levels import LEVELS

Document = dict[str, Any]

_YES_NO = {
    "patient": (
        "tolerates_open_surgery",
        "tolerates_any_procedure",
        "anaesthesia_fit",
        "iort_consent",
        "iort_board_indication",
        "cardiopulmonary_reserve_adequate",
        "high_volume_centre",
    ),
    "oncology": ("histology_confirmed", "brain_mets", "primary_controlled", "systemic_options_remaining"),
    "lesion": ("pedicle_infiltration", "dorsal_elements_involved", "stabilised_already", "cement_in_place"),
    "neuro": ("myelopathy", "cauda_equina", "acute_cord_compression", "functional_radiculopathy", "ambulatory"),
}
_WORDS = {
    "patient": {"sex": nouns.Sex},
    "oncology": {"visceral_mets": nouns.VisceralMetastases},
    "lesion": {
        "pain": nouns.Pain,
        "bone_lesion": nouns.BoneLesion,
        "alignment": nouns.Alignment,
        "collapse": nouns.Collapse,
        "posterolateral": nouns.Posterolateral,
        "escc": nouns.EsccGrade,
    },
    "neuro": {
        "presentation": nouns.Presentation,
        "asia": nouns.NeurologicalGrade,
        "frankel": nouns.NeurologicalGrade,
    },
}
_COUNTS = {
    "patient": {"ecog": (0, 4)},
    "oncology": {"extraspinal_bone_mets": (0, 4), "vertebral_mets": (1, 5), "treatable_painful_vertebrae": (0, 5)},
    "lesion": {"contiguous_levels": (1, 5), "nrs": (0, 10), "tomita_type": (1, 7)},
    "neuro": {},
}
_NUMBERS = {
    "patient": {"age_years": (15, 90), "expected_survival_months": (0, 40)},
    "oncology": {},
    "lesion": {},
    "neuro": {"symptom_duration_days": (0, 4)},
}


def drawn_documents(number: int, *, seed: int = 1) -> list[Document]:
    """Return case files of one lesion whose facts were drawn and do not contradict each other.

    A case lacks none, a few or many of its facts; a third have been irradiated, a third operated on.
    """
    random = Random(seed)  # noqa: S311 - nothing secret
    found: list[Document] = []
    while len(found) < number:
        document = _drawn(random)
        try:
            case_from_document(document)
        except CaseError:
            continue
        found.append(document)
    return found


def _drawn(random: Random) -> Document:
    unknown = random.choice([0, 0.05, 0.15, 0.4])
    document = {section: _section(section, unknown, random) for section in _YES_NO}
    document["patient"]["kps"] = random.randrange(0, 101, 10)
    document["oncology"] |= {
        "primary": random.choice(get_args(nouns.Primary)),
        "subtype": random.choice([None, "EGFR", "HER2+", "luminal", "ALK-negative"]),
    }
    document["lesion"] |= {
        "level": random.choice(LEVELS),
        "prior_rt_at_level": random.choice([None, False, _course(random)]),
    }
    if random.random() < 1 / 3:
        document["postop"] = {"contiguous_levels": random.randint(1, 5), "residual_escc": random.choice(["0", "3"])}
    return document


def _section(name: str, unknown: float, random: Random) -> Document:
    drawn: Document = {key: random.choice([True, False]) for key in _YES_NO[name]}
    drawn |= {key: random.choice(get_args(words)) for key, words in _WORDS[name].items()}
    drawn |= {key: random.randint(low, high) for key, (low, high) in _COUNTS[name].items()}
    drawn |= {key: round(random.uniform(low, high), 2) for key, (low, high) in _NUMBERS[name].items()}
    return {key: value for key, value in drawn.items() if random.random() >= unknown}


def _course(random: Random) -> Document:
    return {
        "dose_gy": 30,
        "fractions": random.choice([5, 10]),
        "months_ago": round(random.uniform(0, 20), 1),
        "modality": random.choice(get_args(nouns.Modality)),
        "thecal_sac_dmax_gy": random.choice([20, 30, 40]),
    }
