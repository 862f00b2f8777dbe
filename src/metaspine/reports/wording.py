"""How values become words: units, digits, and what stands where a value is missing. Nothing is ever left blank."""

from __future__ import annotations

import math

UNKNOWN = "unknown"
NOT_DETERMINABLE = "not determinable"


def because(reason: str = "") -> str:
    """Return what stands in the place of a value that cannot be had, with the reason where it is known."""
    return f"{NOT_DETERMINABLE}, because {reason}" if reason else NOT_DETERMINABLE


def known(text: str | None, missing: str = UNKNOWN) -> str:
    """Return the text, or a word for its absence."""
    return text.strip() if text and text.strip() else missing


def quantity(value: float | None, unit: str, places: int, *, reason: str = "") -> str:
    """Return a value with its unit and a fixed number of decimal places; a missing or undefined one says so."""
    if value is None or math.isnan(value):
        return because(reason)
    if math.isinf(value):
        return f"without bound ({unit})" if value > 0 else f"below every bound ({unit})"
    rounded = f"{value:.{places}f}"
    if float(rounded) == 0.0:
        rounded = rounded.lstrip("-")
    return f"{rounded}{unit}" if unit == "°" else f"{rounded}\u00a0{unit}"


def gray(value_gy: float | None, *, reason: str = "") -> str:
    """Return a dose with two decimals below 10 Gy, one below 100 Gy and none above."""
    places = 2 if value_gy is None or abs(value_gy) < 9.995 else 1 if abs(value_gy) < 99.95 else 0
    return quantity(value_gy, "Gy", places, reason=reason)


def millimetres(value_mm: float | None, *, reason: str = "") -> str:
    """Return a length to a tenth of a millimetre."""
    return quantity(value_mm, "mm", 1, reason=reason)


def degrees(value_deg: float | None, *, reason: str = "") -> str:
    """Return an angle to a degree."""
    return quantity(value_deg, "°", 0, reason=reason)


def cubic_centimetres(value_cc: float | None, *, reason: str = "") -> str:
    """Return a volume; small ones get a third decimal, so that 0.03 cc shows."""
    places = 3 if value_cc is not None and abs(value_cc) < 0.1 else 2
    return quantity(value_cc, "cc", places, reason=reason)


def percent(fraction: float | None, *, reason: str = "") -> str:
    """Return a fraction as per cent to a tenth."""
    return quantity(None if fraction is None else 100 * fraction, "%", 1, reason=reason)


def minutes_and_seconds(time_s: float | None, *, reason: str = "") -> str:
    """Return a time as a person reads it off a clock, and in whole seconds."""
    if time_s is None or not math.isfinite(time_s):
        return because(reason)
    whole = round(time_s)
    return f"{whole // 60}\u00a0min\u00a0{whole % 60:02d}\u00a0s"


def yes_or_no(value: bool | None) -> str:
    """Return yes, no or unknown."""
    return UNKNOWN if value is None else "yes" if value else "no"


def listed(items: tuple[str, ...] | list[str], missing: str = UNKNOWN) -> str:
    """Return the items one after another, or a word for their absence."""
    return ", ".join(item for item in items if item.strip()) or missing


def sentence(words: str) -> str:
    """Return the words as a sentence; what they begin with stays as it is where it is a name, such as spinal_cord."""
    plain = words.split(" ", 1)[0].isalpha()
    return f"{words[:1].upper() if plain else words[:1]}{words[1:]}".rstrip(". ") + "."


def spoken(code: str) -> str:
    """Return a code in words: underscores become spaces, capitals stay only where the code had small letters too."""
    text = code.replace("_", " ").strip()
    return text.lower() if text.isupper() and " " in text else text
