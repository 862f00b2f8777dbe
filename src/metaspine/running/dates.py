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
