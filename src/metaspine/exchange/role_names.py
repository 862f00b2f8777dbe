"""Guessing what a structure is, and at which level, from its name, only where the name leaves no doubt."""

from __future__ import annotations

import re

from metaspine.patient.levels import LEVELS
from metaspine.patient.structure import Role

_SIDE = r"(left|right|lt|rt|l|r)"
_CLEAR_NAMES: tuple[tuple[str, Role], ...] = (
    (r"(mr )?(spinal )?cord( mr)?|myelon|medulla spinalis|rue?ckenmark", Role.SPINAL_CORD),
    (r"(thecal|dural) sac", Role.THECAL_SAC),
    (r"((bony|spinal|vertebral) )?canal|canalis spinalis|spinalkanal", Role.BONY_CANAL),
    (r"cauda( equina)?", Role.CAUDA_EQUINA),
    (r"(gross tumou?r( volume)?|lesion|metastasis)( ([ctls] ?)?\d{1,2})?", Role.LESION),
    (r"body|external|skin|outer contour|patient outline", Role.BODY),
    (r"(a )?aorta( (asc|desc|arch))?", Role.VESSEL),
    (r"(v )?vena ?cava( (i|s|inf|sup))?|(inferior|superior) vena ?cava|[is]vc", Role.VESSEL),
    (rf"lungs?|{_SIDE} lungs?|lungs? {_SIDE}", Role.LUNG),
    (rf"heart|o?esophagus|liver|spleen|stomach|kidneys?|{_SIDE} kidney|kidney {_SIDE}", Role.ORGAN),
    (r"pancreas|duodenum|colon|trachea|gall ?bladder|(small|large) bowel|bowel( (small|large))?", Role.ORGAN),
    (rf"(glnd )?adrenals?( {_SIDE})?", Role.ORGAN),
    (rf"ribs?( {_SIDE})?|rib ?\d{{1,2}}( {_SIDE})?", Role.RIB),
    (r"sacrum", Role.SACRUM),
    *((role.value, role) for role in Role if role is not Role.OTHER),
)
"""Words in use, AAPM TG-263's for what lies about the spine, and the roles' own (de-identified regions bear them)."""
_GROSS_TUMOUR = re.compile(r"i?gtv[a-z]?\d*")
_NOT_THE_TUMOUR_ITSELF = re.compile(r".*\+.*|ptv.*|ctv.*|prv.*|ring|shell|margin|exp.*|minus|sub|opt|avoid|\d+mm|mm|cm")
_LEVEL = re.compile(r"(?<![a-z0-9])([cls]|th?) ?(\d{1,2})(?![a-z0-9])")
_WEIGHTINGS = ("T1", "T2")
"""Levels, and what an MR is called: a GTV_T1 may have been drawn on one."""


def role_of_name(name: str) -> Role:
    """Return the role that a name states; OTHER where it does not state one.

    Underscores, hyphens, dots and capitals separate words: "SpinalCord", "spinal_cord" and "Spinal Cord" are the same.
    What was grown from a structure ("SpinalCord_PRV05", "GTV+5mm", "GTV_ring") is not that structure.
    """
    words = _words(name)
    first, *others = words
    if _GROSS_TUMOUR.fullmatch(first) and not any(_NOT_THE_TUMOUR_ITSELF.fullmatch(word) for word in others):
        return Role.LESION
    text = " ".join(words)
    for pattern, role in _CLEAR_NAMES:
        if re.fullmatch(pattern, text) or re.fullmatch(pattern.replace(" ", ""), text):
            return role
    return Role.OTHER


def lesion_level_of_name(name: str) -> str:
    """Return the one vertebral level that a lesion's name states; empty where it states none, several, or T1 or T2.

    T1 and T2 are weightings of MR as well (EXCHANGE-53).
    """
    found = {f"{letter[0]}{number}".upper() for letter, number in _LEVEL.findall(" ".join(_words(name)))}
    (level,) = found if len(found) == 1 else ("",)
    return level if level in LEVELS and level not in _WEIGHTINGS else ""


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.split(r"[\s_.\-]+", spaced.casefold().replace("ü", "u").strip())
