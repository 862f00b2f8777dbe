"""The validation chapter of the cross sections: it runs, nothing misses, and it would say so if something did."""

from __future__ import annotations

import pytest
from validation import cross_sections
from validation.chapter import MISS


def test_nothing_misses_its_tolerance() -> None:
    chapter = cross_sections.chapter(None)
    assert chapter.missed() == []
    assert sum(row[-1] == "pass" for table in chapter.tables for row in table.rows) >= 22


def test_a_wrong_coefficient_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cross_sections.V1, 20.0, 0.8096 * 1.003)
    rows = cross_sections.nist_table().rows
    assert [row[:2] for row in rows if MISS in row] == [("V1 water mu/rho", "20")]
