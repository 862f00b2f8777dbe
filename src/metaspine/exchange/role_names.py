"""Guessing what a structure is from its name, only where the name leaves no doubt."""

from __future__ import annotations

import re

from metaspine.patient.structure import Role

_CLEAR_NAMES: tuple[tuple[str, Role], ...] = (
    (r"(mr)?(spinal)?cord|myelon|medulla ?spinalis|ruckenmark", Role.SPINAL_CORD),
    (r"thecal ?sac|dural ?sac", Role.THECAL_SAC),
    (r"(bony|spinal|vertebral) ?canal|canal|canalis ?spinalis", Role.BONY_CANAL),
    (r"cauda( ?equina)?", Role.CAUDA_EQUINA),
    (r"(i?gtv|gross tumou?r( volume)?|lesion|metastasis)( ?([ctl] ?\d{1,2}|s ?[1-5]|\d{1,2}))?", Role.LESION),
    (r"body|external|skin|outer contour|patient outline", Role.BODY),
    (r"aorta", Role.VESSEL),
    (r"lungs?|(left|right|lt|rt|l|r) lungs?|lungs? (left|right|lt|rt|l|r)", Role.LUNG),
    (
        r"heart|oesophagus|esophagus|liver|spleen|stomach|kidneys?|(left|right|l|r) kidney|kidney (left|right|l|r)",
        Role.ORGAN,
    ),
    (r"sacrum", Role.SACRUM),
)


def role_of_name(name: str) -> Role:
    """Return the role that a name states; OTHER where it does not state one (margins and expansions are OTHER).

    Underscores, hyphens, dots and CamelCase separate words: "SpinalCord", "spinal_cord" and "Spinal Cord" are the same.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = " ".join(re.split(r"[\s_.\-]+", spaced.casefold().replace("ü", "u"))).strip()
    compact = words.replace(" ", "")
    for pattern, role in _CLEAR_NAMES:
        if re.fullmatch(pattern, words) or re.fullmatch(pattern.replace(" ?", "").replace(" ", ""), compact):
            return role
    return Role.OTHER
