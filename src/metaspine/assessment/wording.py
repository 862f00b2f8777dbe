"""The codes of the advice in plain words."""

from __future__ import annotations

from metaspine.assessment.tables import words


def in_words(part: str, code: str) -> str:
    """Return the plain words for a code.

    Parameters
    ----------
    part
        The part of the advice that the code belongs to: a section of ``data/words*.yaml``, such as "noms" or "flag".
    code
        The code, e.g. "STAB_THEN_SRS".
    """
    return words()[part][code]


def hours_in_words(hours: int) -> str:
    """Return a window: at once, in hours up to three days, in days beyond."""
    if hours == 0:
        return "at once"
    return f"within {hours} h" if hours <= 72 else f"within {hours // 24} days"
