"""What a received object says of itself: which series it belongs to, and where its slice lies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np

from metaspine.errors import ImageError
from metaspine.exchange.dicom_files import Elements, damage_reported, read_header, read_received
from metaspine.geometry.grid import FloatArray

_UID = re.compile(r"[0-9][0-9.]{0,63}")
"""Also what some devices write against the rules (a component that begins with 0); never a path."""
_UIDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID")
_PLACE = ("Modality", "ImageOrientationPatient", "ImagePositionPatient")
_ONE_READER = Lock()
"""Damage is read with Python's warnings off, and that is one switch for all threads."""


@dataclass(frozen=True)
class Identity:
    """Which object it is, and of which series."""

    sop_class: str
    instance: str
    series: str


def identity_of(raw: bytes, where: str) -> Identity:
    """Return which object the bytes of a DICOM file are.

    Raises
    ------
    ImageError
        When they are malformed, too elaborate (EXCHANGE-10), or a UID is missing or is none.
    """
    with _ONE_READER, damage_reported(Path(where)):
        elements = Elements(read_received(raw), where)
        found = [elements.required_text(keyword) for keyword in _UIDS]
    for keyword, uid in zip(_UIDS, found, strict=True):
        if _UID.fullmatch(uid) is None:
            raise ImageError(f"{keyword} is {uid[:70]!r}, which is no UID", where=where, remedy="Export it again")
    return Identity(*found)


@dataclass(frozen=True, eq=False)
class SlicePlace:
    """Where a CT slice lies: the plane's unit normal, and how far along it, mm."""

    normal: FloatArray
    along_mm: float


def ct_places(paths: Iterable[Path]) -> tuple[SlicePlace, ...]:
    """Return where the CT slices among the files lie; what is no CT or states no place is left out.

    Raises
    ------
    ImageError
        When a file cannot be read.
    """
    places = []
    for path in paths:
        with _ONE_READER, damage_reported(path):
            elements = Elements(read_header(path), str(path))
            if all(map(elements.text, _PLACE)) and elements.text("Modality") == "CT":
                axes = elements.numbers("ImageOrientationPatient", 6)
                normal = np.cross(axes[:3], axes[3:])
                place = float(normal @ elements.numbers("ImagePositionPatient", 3))
                places.append(SlicePlace(normal, place))
    return tuple(places)
