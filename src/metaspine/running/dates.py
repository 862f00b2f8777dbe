"""Dates that make written files reproducible."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from metaspine.errors import InputError


def now_or_source_date() -> datetime:
    """Return the date that written files carry: SOURCE_DATE_EPOCH where it is set, else now (UTC).

    Raises
    ------
    InputError
        When SOURCE_DATE_EPOCH is not a whole number of seconds.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError(
            f"SOURCE_DATE_EPOCH is {text!r}",
            where="environment",
            remedy="Set it to a whole number of seconds since 1970-01-01, or unset it",
        ) from None


def local_now_or_source_date() -> datetime:
    """Return the date that DICOM objects carry: SOURCE_DATE_EPOCH where it is set (UTC), else now, in local time.

    DICOM's dates and times are local where an object states no offset (PS3.3 C.12.1.1.8), and those of the study that
    an object belongs to are the scanner's own: in UTC a plan made in the morning in Tokyo would be of the day before.

    Raises
    ------
    InputError
        As :func:`now_or_source_date`.
    """
    date = now_or_source_date()
    return date if os.environ.get("SOURCE_DATE_EPOCH") else date.astimezone()
