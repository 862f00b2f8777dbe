"""Dates of written files: DICOM's are local, as those of the scanner whose study they join."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from metaspine.errors import InputError
from metaspine.exchange.writing.objects import day, time_of_day
from metaspine.running import local_now_or_source_date, now_or_source_date

SOURCES = Path(__file__).parents[2] / "src" / "metaspine"


@pytest.fixture
def on_kiritimati(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fourteen hours before Greenwich."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("TZ", "<+14>-14")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("on_kiritimati")
def test_a_dicom_object_bears_the_day_and_time_of_the_place() -> None:
    made = local_now_or_source_date()
    there = datetime.now(UTC).replace(tzinfo=None) + timedelta(hours=14)
    written = datetime.strptime(day(made) + time_of_day(made), "%Y%m%d%H%M%S")
    assert abs(there - written) < timedelta(minutes=5)
    assert made.utcoffset() == timedelta(hours=14)


@pytest.mark.usefixtures("on_kiritimati")
def test_a_source_date_is_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert local_now_or_source_date() == now_or_source_date() == datetime(1970, 1, 2, tzinfo=UTC)
    assert day(local_now_or_source_date()) + time_of_day(local_now_or_source_date()) == "19700102000000"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(InputError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        local_now_or_source_date()


def test_no_writer_of_dicom_takes_another_clock() -> None:
    writers = [*(SOURCES / "exchange" / "writing").glob("*.py"), SOURCES / "cli" / "export.py"]
    texts = {path.name: path.read_text(encoding="utf-8").replace("local_now_or_source_date", "") for path in writers}
    assert len(texts) > 10
    assert [name for name, text in texts.items() if "now_or_source_date" in text or "datetime.now" in text] == []
