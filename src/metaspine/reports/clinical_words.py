"""The codes of an advice in the words of the assessment; a missing one is said, never left blank."""

from __future__ import annotations

from collections.abc import Iterable

from metaspine import assessment
from metaspine.reports.wording import UNKNOWN


def in_words(part: str, code: str | None, missing: str = UNKNOWN) -> str:
    """Return a code of a part of the advice in words; None is a word for its absence."""
    return missing if code is None else assessment.in_words(part, code)


def each_in_words(part: str, codes: Iterable[str], missing: str = "none") -> str:
    """Return several codes in words, separated by semicolons."""
    return "; ".join(in_words(part, code) for code in codes) or missing
