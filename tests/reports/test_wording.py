"""Nothing is ever left blank, and no value stands without its unit."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaspine.reports import wording

WRITERS = (
    wording.gray,
    wording.millimetres,
    wording.degrees,
    wording.cubic_centimetres,
    wording.percent,
    wording.minutes_and_seconds,
)


@pytest.mark.parametrize("write", WRITERS)
def test_a_missing_value_says_so_with_its_reason(write) -> None:
    assert write(None, reason="the image holds no skin") == "not determinable, because the image holds no skin"
    assert write(math.nan, reason="x") == "not determinable, because x"
    assert write(None) == "not determinable"


@given(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)))
def test_no_value_becomes_blank_none_nan_or_inf(value: float | None) -> None:
    for write in WRITERS:
        text = write(value)
        assert text.strip()
        assert not any(word in text.lower().split() for word in ("none", "nan", "inf", "-inf"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.00 Gy"),
        (7.964, "7.96 Gy"),
        (9.996, "10.0 Gy"),
        (47.31, "47.3 Gy"),
        (1114.4, "1114 Gy"),
        (-0.001, "0.00 Gy"),
    ],
)
def test_doses_keep_the_digits_that_matter(value: float, text: str) -> None:
    assert wording.gray(value).replace("\u00a0", " ") == text


def test_times_are_read_as_off_a_clock() -> None:
    assert wording.minutes_and_seconds(300.4).replace("\u00a0", " ") == "5 min 00 s"
    assert wording.minutes_and_seconds(59.7).replace("\u00a0", " ") == "1 min 00 s"
    assert wording.minutes_and_seconds(7.0).replace("\u00a0", " ") == "0 min 07 s"


def test_an_upper_bound_without_bound_is_said_in_words() -> None:
    assert wording.gray(math.inf) == "without bound (Gy)"


def test_unknown_is_neither_yes_nor_no() -> None:
    assert [wording.yes_or_no(value) for value in (True, False, None)] == ["yes", "no", "unknown"]
    assert wording.known("  ") == "unknown"
    assert wording.listed(("", " ")) == "unknown"


def test_sentences_begin_with_a_capital_but_names_keep_theirs() -> None:
    assert wording.sentence("nominal output..") == "Nominal output."
    assert wording.sentence("spinal_cord limits the dose") == "spinal_cord limits the dose."
    assert wording.sentence("") == "."
