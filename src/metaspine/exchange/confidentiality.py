"""What becomes of each element of an object that is de-identified: the standard's profile, and what it leaves to us.

The profile names attributes. Text it does not name may still hold a name, so no text is kept but what the program can
check: codes that the standard itself lists, names of isotopes, and what a region's name states (DICOM-07).

Source: DICOM PS3.15, annex E.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID

from metaspine.evidence.shipped import shipped_table
from metaspine.exchange.dicom_files import MALFORMED
from metaspine.exchange.numbering import entry_of_name
from metaspine.exchange.writing.uids import ROOT
from metaspine.patient.structure import Role

REMOVED = "removed"
_TEXT = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
_NUMBERS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_BULK = frozenset({"PixelData", "FloatPixelData", "DoubleFloatPixelData", "LUTData"})
_COLOURS = re.compile(r"(Red|Green|Blue|Alpha)PaletteColorLookupTable|Segmented(Red|Green|Blue)")
_OVERLAYS_AND_CURVES = (0x50, 0x60)
_CHECKED_TEXT: Mapping[str, re.Pattern[str]] = {
    "SourceIsotopeName": re.compile(r"[A-Z][a-z]?-?\d{2,3}m?|XRAY-\d+KV"),
    "RescaleType": re.compile(r"HU|US|OD|MGML|Z_EFF|ED|EDW|HU_MOD|PCT"),
}
_EMPTIED_NOT_REMOVED = frozenset({"SourceManufacturer"})
"""The profile removes it, and a treatment record must have it, if only empty."""
_CODE_STRING = re.compile(r"[A-Z0-9 _]{0,16}")
_DATE, _LONGEST_SHIFT_DAYS = re.compile(r"\d{8}"), 3650
_STANDARDS_OWN = "1.2.840.10008."
_EVENTS_OF_LIFE = ("Birth", "Death")
_LETTERS_OF_A_NAME = 4
"""Shorter words of an identity are too common to be searched for in code strings."""
_WHO = (
    "PatientName",
    "PatientID",
    "OtherPatientNames",
    "OtherPatientIDs",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "OperatorsName",
    "InstitutionName",
    "AccessionNumber",
)


@cache
def profile() -> Mapping[int, str]:
    """Return what the standard's profile does with each attribute, by its tag: D, Z, X, U or a choice of them."""
    table = shipped_table("metaspine.exchange", "confidentiality.yaml")
    return {int(tag.replace(",", ""), 16): action for action, tags in table.items() for tag in tags}


@dataclass(frozen=True, repr=False)
class Pseudonyms:
    """What a secret makes of identities: the same always the same, and not to be turned back without it."""

    secret: bytes

    def __repr__(self) -> str:
        """Return a text without the secret."""
        return "Pseudonyms(...)"

    def uid(self, original: str) -> UID:
        """Return the UID that takes the place of another; the standard's own stay."""
        if original.startswith(_STANDARDS_OWN):
            return UID(original)
        return UID(f"{ROOT}{int.from_bytes(self._hash('uid', original)[:16], 'big')}")

    def patient(self, patient_id: str) -> str:
        """Return the name that takes the place of a patient's identifier."""
        return self._hash("patient", patient_id).hex()[:16]

    def shift_days(self, patient_id: str) -> int:
        """Return by how many days a patient's dates go back, 1 to 3650 (DICOM-08)."""
        return 1 + int.from_bytes(self._hash("days", patient_id)[:8], "big") % _LONGEST_SHIFT_DAYS

    def _hash(self, what: str, original: str) -> bytes:
        return hmac.new(self.secret, f"{what}\0{original}".encode(), sha256).digest()


@dataclass
class Cleaning:
    """One object on its way to be de-identified; its elements are changed in place."""

    pseudonyms: Pseudonyms
    patient_id: str
    words: frozenset[str]
    """Of the identity, to be found in code strings."""
    shift: timedelta = field(init=False)

    def __post_init__(self) -> None:
        self.shift = timedelta(days=self.pseudonyms.shift_days(self.patient_id))

    def clean(self, dataset: Dataset) -> None:
        """Clean every element, and those of every sequence, however deep."""
        instead = _region_names(dataset) | _kept_code(dataset)
        for tag in list(dataset.keys()):
            try:
                element = dataset[tag]
                keep = self._cleaned(element)
            except MALFORMED:
                keep = False
            if not keep:
                del dataset[tag]
        for keyword, text in instead.items():
            setattr(dataset, keyword, text)

    def _cleaned(self, element: DataElement) -> bool:
        """Change an element's value; return whether the element stays."""
        action = "Z" if element.keyword in _EMPTIED_NOT_REMOVED else profile().get(int(element.tag), "")
        if _nobodys(element) or action == "X":
            return False
        if element.VR == "SQ":
            return self._cleaned_sequence(element, action)
        if element.VR == "CS":
            return self._cleaned_code_string(element, action)
        if element.VR == "UI":
            element.value = _each(element.value, self._uid(element.keyword))
        elif element.VR in ("DA", "DT", "TM"):
            element.value = self._moment(element)
        elif element.VR in _TEXT:
            element.value = _text(element, action)
        elif element.VR not in _NUMBERS:
            return _bulk(element)
        elif action:
            element.value = None if "Z" in action else 0
        return True

    def _cleaned_sequence(self, element: DataElement, action: str) -> bool:
        if action in ("Z", "X_Z"):
            element.value = Sequence([])
            return True
        for item in element.value:
            self.clean(item)
        return True

    def _uid(self, keyword: str) -> Any:
        if keyword.endswith(("SOPClassUID", "TransferSyntaxUID")):
            return lambda text: text if text.startswith(_STANDARDS_OWN) else _STANDARDS_OWN.rstrip(".")
        return self.pseudonyms.uid

    def _moment(self, element: DataElement) -> Any:
        """Return a date moved by the patient's days; no time of day is kept, and no day of a life's events."""
        if any(event in element.keyword for event in _EVENTS_OF_LIFE):
            return ""
        if element.VR == "TM":
            return _each(element.value, lambda _: "000000")
        return _each(element.value, self._moved)

    def _moved(self, text: str) -> str:
        found = _DATE.match(text)
        return (datetime.strptime(found[0], "%Y%m%d") - self.shift).strftime("%Y%m%d") if found else ""

    def _cleaned_code_string(self, element: DataElement, action: str) -> bool:
        if action in ("Z", "X_Z"):
            element.value = ""
        values = element.value if isinstance(element.value, MultiValue) else [element.value or ""]
        return all(_CODE_STRING.fullmatch(text) and not self.words & _words(text) for text in map(str, values))


def _nobodys(element: DataElement) -> bool:
    """Return whether an element is private, unknown to the standard, or drawn over an image."""
    tag = element.tag
    return tag.is_private or not element.keyword or tag.group >> 8 in _OVERLAYS_AND_CURVES


def words_of(dataset: Dataset) -> frozenset[str]:
    """Return the words by which an object says whose it is, long enough to be searched for."""
    return frozenset(
        word for keyword in _WHO for word in _words(str(dataset.get(keyword, ""))) if len(word) >= _LETTERS_OF_A_NAME
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _each(value: Any, change: Any) -> Any:
    """Return a value, or each of several, changed; what is empty stays empty."""
    if isinstance(value, MultiValue):
        return [change(str(part)) if part else "" for part in value]
    return change(str(value)) if value else value


def _text(element: DataElement, action: str) -> str | None:
    """Return the text that takes a text's place: the same where it can be checked, else none or "removed"."""
    text = str(element.value or "")
    checked = _CHECKED_TEXT.get(element.keyword)
    if checked and checked.fullmatch(text):
        return text
    return "" if not text or action in ("Z", "X_Z") else REMOVED


def _bulk(element: DataElement) -> bool:
    """Return whether an element of bytes stays: pixels and tables of colours do, what cannot be looked into not."""
    return element.keyword in _BULK or _COLOURS.match(element.keyword) is not None


def _region_names(dataset: Dataset) -> dict[str, str]:
    """Return what takes the place of a region's name: role, level and number, so that a plan still finds its way."""
    found = {}
    for keyword, number in (("ROIName", "ROINumber"), ("SegmentLabel", "SegmentNumber")):
        if keyword in dataset:
            stated = entry_of_name(str(dataset.get(keyword)))
            word = "region" if stated.role is Role.OTHER else stated.role.value
            count = f"({dataset[number].value})" if number in dataset else ""
            found[keyword] = " ".join(part for part in (word, stated.level, count) if part)
    return found


def _kept_code(item: Dataset) -> dict[str, str]:
    """Return what takes the place of a code: its own where the standard lists it; another may be anybody's."""
    if "CodeMeaning" not in item:
        return {}
    known = _listed_codes().get((str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", ""))))
    value, scheme, meaning = known or (REMOVED, "99REMOVED", REMOVED)
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


@cache
def _listed_codes() -> Mapping[tuple[str, str], tuple[str, str, str]]:
    """Return every code of the standard's context groups, by scheme and value."""
    from pydicom.sr.codedict import codes

    found = (code for scheme in codes.schemes() for code in getattr(codes, scheme).concepts.values())
    return {(code.scheme_designator, code.value): (code.value, code.scheme_designator, code.meaning) for code in found}
