"""Scores that are a class, with every one of their facts unknown in turn: the classes left are those of the paper (A7,
A14)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from score_cases import scored

Values = dict[str, tuple[Any, ...]]


def chao(months: float, kps: int, age: int) -> int:
    if months > 30:
        return 1 if kps > 70 else 2
    return 2 if age < 70 else 3


def balagamwala(kps: int, age: int, controlled: bool, visceral: str) -> int:
    if kps > 70 and controlled:
        return 1
    return 3 if kps <= 70 and (age < 54 or visceral != "none") else 2


def bollen(primary: str, kps: int, visceral: str, brain: bool) -> int:
    profile = {"breast": 0, "prostate": 0, "thyroid": 0, "rcc": 1}.get(primary, 2)
    adverse = (kps <= 70) + (profile == 0 and (visceral != "none" or brain))
    return 1 + profile + adverse


VISCERAL = ("none", "removable", "unremovable")
CHAO: Values = {
    "oncology__months_since_primary_diagnosis": (29.5, 30, 30.5, 31, 31.5),
    "patient__kps": (60, 70, 80),
    "patient__age_years": (68, 69, 70, 71),
}
BALAGAMWALA: Values = {
    "patient__kps": (60, 70, 80),
    "patient__age_years": (52, 53, 54, 55),
    "oncology__systemic_disease_controlled": (True, False),
    "oncology__visceral_mets": VISCERAL,
}
BOLLEN: Values = {
    "oncology__primary": ("breast", "thyroid", "rcc", "nsclc", "colorectal", "unknown"),
    "patient__kps": (60, 70, 80, 90),
    "oncology__visceral_mets": VISCERAL,
    "oncology__brain_mets": (True, False),
}
PUBLISHED: dict[str, tuple[Callable[..., int], Values, str]] = {
    "chao_2012": (chao, CHAO, "chao_{}"),
    "balagamwala_2018": (balagamwala, BALAGAMWALA, "balagamwala_{}"),
    "bollen": (bollen, BOLLEN, "bollen_{}"),
}
NEVER_UNKNOWN = ("oncology__primary",)


def questions(values: Values) -> list[tuple[Any, ...]]:
    """Return every combination of the values, each of them unknown too."""
    return list(product(*((*of_one, *(() if key in NEVER_UNKNOWN else (None,))) for key, of_one in values.items())))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_classes_that_known_and_unknown_facts_leave(name: str) -> None:
    published, values, code = PUBLISHED[name]
    letters = {1: "a", 2: "b", 3: "c", 4: "d"} if name == "bollen" else {1: 1, 2: 2, 3: 3}
    for asked in questions(values):
        completions = product(
            *(every if known is None else (known,) for known, every in zip(asked, values.values(), strict=True))
        )
        left = sorted({published(*completion) for completion in completions})
        found = scored(name, **dict(zip(values, asked, strict=True)))
        assert found.meanings == tuple(code.format(letters[each]) for each in left), asked


@pytest.mark.parametrize(
    ("name", "facts", "narrowing"),
    [
        # With over 30 months only the KPS decides; the time alone leaves one class of three at 30 months or less.
        ("chao_2012", {"oncology__months_since_primary_diagnosis": 31}, {"patient.kps": 1}),
        ("chao_2012", {"oncology__months_since_primary_diagnosis": 30}, {"patient.age_years": 1}),
        ("balagamwala_2018", {"patient__kps": 80}, {"oncology.systemic_disease_controlled": 1}),
        ("bollen", {"oncology__primary": "rcc"}, {"patient.kps": 1}),
        ("bollen", {"patient__kps": 80, "oncology__brain_mets": False}, {"oncology.visceral_mets": 1}),
        ("bollen", {"patient__kps": 80, "oncology__visceral_mets": "none"}, {"oncology.brain_mets": 1}),
        ("bollen", {"patient__kps": 80, "oncology__visceral_mets": "removable"}, {}),
    ],
)
def test_only_what_is_not_known_narrows(name: str, facts: dict[str, Any], narrowing: dict[str, float]) -> None:
    assert {entry.key: entry.width for entry in scored(name, **facts).narrowing} == narrowing
