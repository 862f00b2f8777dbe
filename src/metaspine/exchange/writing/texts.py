"""Texts as DICOM takes them."""

from __future__ import annotations

TEXT = 1024
"""The most characters of ST."""


def plain(text: str, most: int) -> str:
    """Return a text without backslashes and control characters, of at most so many characters."""
    kept = "".join(character if character.isprintable() and character != "\\" else " " for character in text)
    return kept.strip() if len(kept) <= most else kept[: most - 3].strip() + "..."
