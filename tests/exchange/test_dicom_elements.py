"""Elements read straight from a file's bytes are what pydicom makes of the same bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from metaspine.exchange.dicom_files import Elements

TEXT = {"SeriesDescription": "LO", "Modality": "CS", "StudyID": "SH", "SOPInstanceUID": "UI"}
NUMBERS = {"ImagePositionPatient": "DS", "InstanceNumber": "IS"}
DIGITS = st.text("0123456789.+-eE \\\0_").map(str.encode)


def both(keyword: str, vr: str, value: bytes) -> tuple[Elements, Elements]:
    """The element as its bytes, and as pydicom converts them."""
    raw, converted = Dataset(), Dataset()
    for dataset in (raw, converted):
        dataset[keyword] = RawDataElement(Tag(keyword), vr, len(value), value, 0, False, True)
    return Elements(raw, "raw"), Elements(converted, "converted")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("keyword", "vr"), TEXT.items())
@given(value=st.binary(max_size=24) | st.text(" \\\0.12ABz").map(str.encode))
def test_text(keyword: str, vr: str, value: bytes) -> None:
    raw, converted = both(keyword, vr, value)
    assert converted.dataset[keyword] is not None
    assert raw.text(keyword) == converted.text(keyword)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("keyword", "vr"), NUMBERS.items())
@given(value=DIGITS)
def test_numbers(keyword: str, vr: str, value: bytes) -> None:
    raw, converted = both(keyword, vr, value)
    try:
        assert converted.dataset[keyword] is not None
    except (ValueError, TypeError, OverflowError) as error:
        with pytest.raises(type(error)):
            raw.numbers(keyword, 1)
        return
    assert outcome(raw, keyword) == outcome(converted, keyword)


def outcome(elements: Elements, keyword: str) -> object:
    found = [elements.optional_number(keyword)]
    for count in (1, 2, 3):
        try:
            found += list(elements.numbers(keyword, count))
        except elements.kind as error:
            found.append(error.what)
    return found


@pytest.mark.parametrize("value", [b"-12.5\\3\\+4. ", b"-12.5\\3\\4"])
def test_a_position_is_read_from_its_bytes(value: bytes) -> None:
    raw, _ = both("ImagePositionPatient", "DS", value)
    assert np.array_equal(raw.numbers("ImagePositionPatient", 3), [-12.5, 3, 4])
