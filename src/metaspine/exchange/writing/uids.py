"""Unique identifiers from content: the same content gives the same UID, on every machine and at every time."""

from __future__ import annotations

import re
from hashlib import sha256

from pydicom.uid import UID

ROOT = "2.25."
"""The root of UIDs that are UUIDs (ISO/IEC 9834-8); nobody has to be asked for one."""
LONGEST = 64
_LIKE_A_UID = re.compile(r"[0-9.]+")
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")


def uid_of(*parts: str | bytes) -> UID:
    """Return the UID of something by what makes it what it is.

    Parameters
    ----------
    parts
        For instance the kind of object, the study and the hash of its content. Their order matters.
    """
    digest = sha256()
    for part in parts:
        content = part.encode("utf-8") if isinstance(part, str) else part
        digest.update(len(content).to_bytes(8, "big"))
        digest.update(content)
    return UID(f"{ROOT}{int.from_bytes(digest.digest()[:16], 'big')}")


def is_uid(text: str) -> bool:
    """Return whether a text is a valid DICOM UID (a NIfTI image's frame of reference is none)."""
    return len(text) <= LONGEST and _UID.fullmatch(text) is not None


def frame_uid(frame_of_reference: str) -> UID:
    """Return the UID of a frame of reference: its own, or one made from the name of a frame that has none (NIfTI).

    Scanners write UIDs that break the rules (leading zeros). They stay: with another the objects would not lie in the
    images' frame.
    """
    stated = _LIKE_A_UID.fullmatch(frame_of_reference) is not None
    return UID(frame_of_reference) if stated else uid_of("frame of reference", frame_of_reference)
