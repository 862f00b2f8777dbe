"""The advice against the normative rules (RULES G1, G4), written down a second time from their text, not the tables.

``answer`` takes the document of a case with one lesion and returns what G1.3 to G1.15 decide; it is compared for cases
drawn by a fixed seed. The category of stability is taken from the advice: it is tested by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from cases import KNOWN

from metaspine.assessment import advice_document, assess
from metaspine.errors import InputError
from metaspine.exchange.case_file import case_from_document

SENSITIVE = ("breast", "lymphoma", "multiple_myeloma")
HAEMATOLOGICAL = ("lymphoma", "multiple_myeloma")
CONFLICTING = ("sclc",)
DECOMPRESSING = ("SEP_SURG_THEN_SRS", "DECOMP_STAB_THEN_RT", "DECOMP_STAB_THEN_CEBRT")
EN_BLOC = ("rcc", "thyroid")
WITH_CEBRT = ("CEBRT", "STAB_THEN_CEBRT", "DECOMP_STAB_THEN_CEBRT")


@dataclass(frozen=True)
class Facts:
    """A case as the rules speak of it."""

    patient: dict[str, Any]
    oncology: dict[str, Any]
    lesion: dict[str, Any]
    neuro: dict[str, Any]
    stability: str

    @property
    def primary(self) -> str:
        return str(self.oncology["primary"])

    @property
    def unproven(self) -> bool:
        return self.primary == "unknown" or self.oncology["histology_confirmed"] is False

    @property
    def escc(self) -> str | None:
        grade: str | None = self.lesion["escc"]
        return grade

    @property
    def high(self) -> bool:
        return self.escc in ("2", "3")

    @property
    def low(self) -> bool:
        return self.escc is not None and not self.high

    @property
    def grade(self) -> str | None:
        return self.neuro["asia"] or self.neuro["frankel"]

    @property
    def contradiction(self) -> bool:
        none = self.neuro["myelopathy"] is False and self.neuro["cauda_equina"] is False
        explained = self.neuro["functional_radiculopathy"] is True
        return self.grade in ("A", "B", "C", "D") and self.high and none and not explained

    @property
    def cord_signs(self) -> bool:
        clinical = self.neuro["presentation"] == "clinical_cord_compression"
        return bool(self.neuro["myelopathy"] or self.neuro["cauda_equina"] or clinical or self.contradiction)

    @property
    def benign(self) -> bool:
        return self.primary == "hemangioma" and not self.unproven

    @property
    def radiation(self) -> str:
        irradiated = isinstance(self.lesion["prior_rt_at_level"], dict)
        if self.unproven or irradiated:
            return "resistant"
        return "conflict" if self.primary in CONFLICTING else "sensitive" if self.primary in SENSITIVE else "resistant"

    @property
    def survival(self) -> float | None:
        months: float | None = self.patient["expected_survival_months"]
        return months

    @property
    def stop(self) -> str | None:
        if self.patient["pregnant"]:
            return "MANUAL_REVIEW"
        if self.benign:
            return "NOT_APPLICABLE_BENIGN"
        if self.escc is None:
            return "INSUFFICIENT_DATA"
        if self.cord_signs and self.low:
            return "MANUAL_REVIEW"
        return "TISSUE_FIRST" if self.unproven and not self.cord_signs else None

    @property
    def capacity(self) -> str:
        short = self.survival is not None and self.survival < 3
        if self.lesion["contiguous_levels"] > 3 or self.patient["tolerates_any_procedure"] is False or short:
            return "none"
        if self.patient["tolerates_open_surgery"] is not True:
            return "unknown" if self.patient["tolerates_open_surgery"] is None else "percutaneous_only"
        return "MAS" if self.survival is not None and self.survival <= 6 else "open"

    @property
    def stabilise(self) -> tuple[tuple[bool, ...], bool]:
        """Whether to stabilise, the preferred first; and whether one of them is preferred at all."""
        if self.lesion["stabilised_already"] is True or self.stability == "stable":
            return (False,), True
        if self.stability == "unstable":
            return (True,), True
        pain = self.lesion["pain"]
        if self.stability == "not_determinable" or pain in (None, "present_unspecified"):
            return (True, False), False
        return ((True, False) if pain == "mechanical" else (False, True)), True


def rows(facts: Facts, radiation: str, *, stabilise: bool) -> tuple[str, ...]:
    """Return the row of the table and what stays acceptable beside it (G1.6)."""
    stabilise = stabilise and facts.capacity != "none"
    conventional = "STAB_THEN_CEBRT" if stabilise else "CEBRT"
    if radiation == "sensitive":
        return (conventional,)
    if facts.low:
        if facts.lesion["contiguous_levels"] > 3:
            return ("CEBRT",)
        if facts.survival is not None and facts.survival < 3:
            return ("CEBRT", "SRS")
        if stabilise and facts.grade == "A":
            return ("STAB_THEN_CEBRT", "CEBRT")
        return ("STAB_THEN_SRS",) if stabilise else ("SRS",)
    if facts.capacity in ("none", "percutaneous_only"):
        return (conventional,)
    return ("DECOMP_STAB_THEN_CEBRT", "CEBRT") if facts.grade == "A" else ("SEP_SURG_THEN_SRS",)


def treatments(facts: Facts) -> tuple[str | None, set[str]]:
    """Return the preferred row and all acceptable ones (G1.3 to G1.8)."""
    if facts.stop is not None:
        return facts.stop, {facts.stop}
    ways, preferring = facts.stabilise
    preferring = preferring and facts.radiation != "conflict"
    classes = ("sensitive", "resistant") if facts.radiation == "conflict" else (facts.radiation,)
    of_each = [[rows(facts, radiation, stabilise=way) for way in ways] for radiation in classes]
    acceptable = {row for of_class in of_each for found in of_class for row in found}
    firsts = {found[0] for of_class in of_each for found in (of_class[:1] if preferring else of_class)}
    recommended = next(iter(firsts)) if len(firsts) == 1 else None
    if upfront(facts):
        recommended = "DECOMP_STAB_THEN_RT"
    operable = facts.capacity in ("open", "MAS", "unknown")
    also = facts.neuro["functional_radiculopathy"] is True or (facts.unproven and facts.cord_signs and facts.high)
    if upfront(facts) or (also and operable):
        acceptable |= {"DECOMP_STAB_THEN_RT"}
    if late(facts) and recommended in DECOMPRESSING:
        to_stabilise = True in ways and facts.capacity != "none"
        return "CEBRT", acceptable | {"CEBRT"} | ({"STAB_THEN_CEBRT"} if to_stabilise else set())
    return recommended, acceptable


def upfront(facts: Facts) -> bool:
    """NOMS-11: a sensitive solid tumour with high grade and cord signs, and an operation is possible."""
    solid = facts.radiation == "sensitive" and facts.primary not in HAEMATOLOGICAL
    return facts.stop is None and solid and facts.high and facts.cord_signs and facts.capacity in ("open", "MAS")


def late(facts: Facts) -> bool:
    """NEURO-48H: a complete deficit for more than two days."""
    days = facts.neuro["symptom_duration_days"]
    return facts.grade == "A" and days is not None and days > 2


def flags(facts: Facts) -> set[str]:
    """Return the flags of G4 but those of an incomplete SINS and of a replaced row."""
    return _of_the_case(facts) | _of_the_capacity(facts) | (_of_the_table(facts) if facts.stop is None else set())


def _of_the_case(facts: Facts) -> set[str]:
    prior = facts.lesion["prior_rt_at_level"]
    found = {
        "NEURO_IMAGING_DISCORDANCE": facts.cord_signs and facts.low,
        "CONTRADICTION_AIS_MYELOPATHY": facts.contradiction,
        "FUNCTIONAL_RADICULOPATHY_SURGEON_CONSULT": facts.neuro["functional_radiculopathy"] is True,
        "BILATERAL_RADICULAR_ESCALATE": facts.neuro["presentation"] == "bilateral_radicular",
        "RERT_INTERVAL_FAILS": isinstance(prior, dict) and prior["months_ago"] < 5,
        "CEMENT_IN_PLACE": facts.lesion["cement_in_place"] is True,
        "ESCC_MISSING": facts.escc is None,
    }
    return {name for name, holds in found.items() if holds}


def _of_the_capacity(facts: Facts) -> set[str]:
    if facts.stop not in (None, "TISSUE_FIRST"):
        return set()
    found = {
        "GT3_CONTIGUOUS_LEVELS": facts.lesion["contiguous_levels"] > 3,
        "NO_PROCEDURE_TOLERATED": facts.patient["tolerates_any_procedure"] is False,
        "SURVIVAL_LT_3MO": facts.survival is not None and facts.survival < 3,
        "NOT_FIT_FOR_OPEN": facts.capacity == "percutaneous_only",
        "FITNESS_UNKNOWN": facts.capacity == "unknown",
        "SURVIVAL_3_TO_6MO": facts.capacity == "MAS",
        "SURVIVAL_UNKNOWN": facts.capacity == "open" and facts.survival is None,
    }
    return {name for name, holds in found.items() if holds}


def _of_the_table(facts: Facts) -> set[str]:
    short = facts.survival is not None and facts.survival < 3
    oncology, undecided = facts.oncology, facts.stability == "indeterminate"
    alone = oncology["visceral_mets"] == "none" and oncology["brain_mets"] is False
    solitary = alone and oncology["extraspinal_bone_mets"] == 0 and oncology["vertebral_mets"] == 1
    hypofractionated = facts.escc == "2" and facts.radiation == "resistant" and not facts.cord_signs
    found = {
        "SURGEON_DECIDES_STABILISATION": undecided and facts.lesion["stabilised_already"] is not True,
        "SRS_DOWNGRADED_SURVIVAL_LT_3MO": facts.low and facts.radiation != "sensitive" and short,
        "RADIOSENSITIVE_SOLID_WITH_MYELOPATHY_UPFRONT_SURGERY": upfront(facts),
        "RESISTANT_UNTIL_PROVEN": facts.unproven and facts.cord_signs,
        "ALT_HYPOFRACTIONATED_SBRT_ESCC2_SELECTED": hypofractionated and facts.capacity != "none",
        "COMPLETE_DEFICIT_GT_48H": late(facts),
        "PRIOR_RT_UNKNOWN": facts.lesion["prior_rt_at_level"] is None and facts.radiation == "sensitive",
        "CONFLICT_EN_BLOC_VS_SRS": facts.primary in ("rcc", "thyroid")
        and solitary
        and facts.low
        and not facts.unproven,
        "ASYMPTOMATIC_LOCAL_THERAPY_OPTIONAL": facts.neuro["presentation"] == "asymptomatic" and facts.low,
    }
    return {name for name, holds in found.items() if holds}


def urgency(facts: Facts) -> dict[str, Any]:
    """Return the windows and the class (G1.9)."""
    presentation, treatment = facts.neuro["presentation"], None
    pain = presentation in ("unilateral_radicular_pain", "local_pain")
    if facts.cord_signs or facts.high or pain:
        treatment = 24 if facts.cord_signs else 72 if facts.high else 336
    emergency = facts.cord_signs or presentation == "bilateral_radicular"
    hours = {"unilateral_radicular_deficit": 48, "unilateral_radicular_pain": 168, "local_pain": 336}
    urgent = facts.high or presentation == "unilateral_radicular_deficit" or facts.stability == "unstable"
    by_time = "elective" if treatment == 336 else "not_specified"
    return {
        "mri_within_h": 0 if emergency else hours.get(presentation),
        "treatment_within_h": treatment,
        "biopsy_within_h": {24: 24, 72: 72}.get(treatment or 0) if facts.unproven else None,
        "class": "emergency" if emergency else "urgent" if urgent else by_time,
    }


def steroids(facts: Facts) -> str | None:
    """Return the answer of G1.10."""
    if facts.cord_signs:
        if facts.unproven or facts.low:
            return "CONFLICT_GIVE_OR_DEFER"
        days = facts.neuro["symptom_duration_days"]
        passed = days is not None and days > 0.5
        return "GIVE_NOW_WINDOW_PASSED" if passed else "DEX_10MG_IV_THEN_16MG_DAY_WITHIN_12H"
    if facts.unproven:
        return "DEFER_UNTIL_TISSUE"
    if facts.escc is None:
        return None
    return "OMIT_ASYMPTOMATIC_RADIOLOGICAL" if facts.high else "NOT_INDICATED"


def schedule(facts: Facts, recommended: str | None) -> str | None:
    """Return the schedule of conventional radiotherapy (G1.13)."""
    presentation = facts.neuro["presentation"]
    radicular = presentation == "unilateral_radicular_deficit" or facts.neuro["functional_radiculopathy"] is True
    if recommended not in WITH_CEBRT:
        return None
    if facts.cord_signs or radicular:
        return None if facts.survival is None else ">=30Gy_fractionated" if facts.survival > 6 else "8Gy/1"
    painful = presentation in ("local_pain", "unilateral_radicular_pain")
    return "8Gy/1" if recommended == "CEBRT" and facts.low and painful else None


def embolise(facts: Facts, recommended: str | None) -> bool | None:
    """Return whether to embolise before the operation (G1.14)."""
    if facts.unproven:
        return None
    if facts.primary not in ("rcc", "thyroid"):
        return False
    if recommended is None or facts.stop is not None:
        return None
    return recommended not in ("CEBRT", "SRS")


def goals(facts: Facts) -> str | None:
    """Return the goals of care (GOC-01)."""
    if facts.survival is None or facts.benign:
        return None
    return "DISCUSS_BEST_SUPPORTIVE_CARE" if facts.survival < 3 else "PALLIATIVE_INTENT"


def survival_band(facts: Facts) -> str | None:
    """Return the band of survival (SURG-02)."""
    if facts.survival is None:
        return None
    if facts.survival < 3:
        return "BAND_LT3_NO_SURGERY"
    if facts.survival < 24:
        return "BAND_3_6_MAS" if facts.survival <= 6 else "BAND_6_24_OPEN"
    return "BAND_GE24_EN_BLOC_BY_SURVIVAL_ONLY"


def answer(document: dict[str, Any], stability: str) -> dict[str, Any]:
    """Return everything that the rules decide for a case."""
    sections = (document[name] for name in ("patient", "oncology", "lesion", "neuro"))
    facts = Facts(*sections, stability=stability)
    recommended, acceptable = treatments(facts)
    return {
        "recommendation": recommended,
        "acceptable": acceptable,
        "surgical_capacity": facts.capacity,
        "flags": flags(facts),
        "urgency": urgency(facts),
        "steroids": steroids(facts),
        "ebrt_schedule": schedule(facts, recommended),
        "preop_embolisation": embolise(facts, recommended),
        "goals_of_care": goals(facts),
        "survival_surgery_rule": survival_band(facts),
    }


CASES_A_DRAW, DRAWS = 60, 25
PRIOR = {"dose_gy": 30, "fractions": 10, "months_ago": 12, "modality": "cEBRT"}
VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "patient": {
        "pregnant": (True, None, False, False, False, False),
        "expected_survival_months": (None, 2.9, 3, 5, 6, 6.1, 12, 23.9, 24),
        "tolerates_open_surgery": (True, True, False, None),
        "tolerates_any_procedure": (True, True, True, False, None),
    },
    "oncology": {
        "primary": (*SENSITIVE, "breast", *EN_BLOC, "rcc", "nsclc", "sclc", "hemangioma", "unknown"),
        "histology_confirmed": (True, True, True, True, False, None),
        "visceral_mets": ("none", "none", "removable", None),
        "brain_mets": (False, False, True, None),
        "extraspinal_bone_mets": (0, 0, 1, None),
        "vertebral_mets": (1, 1, 2, None),
    },
    "lesion": {
        "pain": ("mechanical", "occasional_non_mechanical", "none", "present_unspecified", None),
        "bone_lesion": ("lytic", "mixed", "blastic"),
        "alignment": ("normal", "normal", "subluxation_translation", None),
        "collapse": ("none", "lt50", "gt50", None),
        "posterolateral": ("none", "none", "bilateral", None),
        "escc": ("0", "1a", "1c", "2", "2", "3", "3", None),
        "stabilised_already": (False, False, False, True, None),
        "cement_in_place": (False, False, True, None),
        "contiguous_levels": (1, 1, 3, 4),
        "prior_rt_at_level": (False, False, False, None, PRIOR, PRIOR | {"months_ago": 4.9}),
    },
    "neuro": {
        "presentation": (
            "local_pain",
            "asymptomatic",
            "unilateral_radicular_pain",
            "unilateral_radicular_deficit",
            "bilateral_radicular",
            "clinical_cord_compression",
            None,
        ),
        "myelopathy": (False, False, False, True, None),
        "cauda_equina": (False, False, False, False, True, None),
        "functional_radiculopathy": (False, False, False, True, None),
        "asia": ("E", "E", "E", "A", "A", "D", None),
        "frankel": ("E", "A", None),
        "symptom_duration_days": (None, 0.5, 0.6, 2, 2.1, 10),
    },
}
OF_NOMS = ("recommendation", "surgical_capacity")
OF_THE_LESION = (
    "urgency",
    "steroids",
    "ebrt_schedule",
    "preop_embolisation",
    "goals_of_care",
    "survival_surgery_rule",
)
NOT_COMPARED = {"SINS_INCOMPLETE", "POSTOP_SBRT_CONTRAINDICATED_ASIA_A"}
"""Flags of what the rules take for given: the sum of stability, and which row was replaced."""


def drawn(seed: int) -> list[dict[str, Any]]:
    """Return so many cases that the reader takes; those that contradict themselves it refuses."""
    random, found = Random(seed), []  # noqa: S311 - nothing secret
    while len(found) < CASES_A_DRAW:
        document = {name: dict(KNOWN[name]) for name in KNOWN} | {"oncology": dict(KNOWN["oncology"])}
        document["lesion"] |= {"levels_involved": None, "tomita_type": None, "nrs": None}
        document["oncology"] |= {"total_metastases_count": None, "treatable_painful_vertebrae": None}
        for section, keys in VALUES.items():
            for key, values in keys.items():
                if random.random() < 0.5:
                    document[section][key] = random.choice(values)
        try:
            case_from_document(document)
        except InputError:
            continue
        found.append(document)
    return found


@pytest.mark.parametrize("seed", range(DRAWS))
def test_the_advice_is_that_of_the_rules(seed: int) -> None:
    for document in drawn(seed):
        found = advice_document(assess(case_from_document(document)))
        noms, expected = found["noms"], answer(document, found["sins"]["category"])
        same = {name: noms[name] for name in OF_NOMS} | {name: found[name] for name in OF_THE_LESION}
        compared = {"acceptable": set(noms["acceptable"]), "flags": set(noms["flags"]) - NOT_COMPARED}
        assert same | compared == expected, document
