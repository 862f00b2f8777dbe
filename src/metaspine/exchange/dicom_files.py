"""Opening DICOM files that may be damaged: every fault becomes one clear error, every value is checked when it is read.

pydicom warns of odd values in elements that nobody needs; the elements that are needed are checked here one by one, so
its warnings are not shown.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag, Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.valuerep import PersonName

from metaspine.errors import ImageError, InputError
from metaspine.exchange.dicom_prewalk import NO_TAG, TooElaborate, UnreadSyntax, starts_as_dataset, walk
from metaspine.geometry.grid import FloatArray

MALFORMED = (
    AssertionError,
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom and its decoders raise on damaged files."""

_PREAMBLE_BYTES = 128
_AFTER_HEADER, _PIXEL_DATA = 0x00290000, 0x7FE00010
_EXPORT_AGAIN = "Export it again from the scanner or the archive"
_TEXT = frozenset({"CS", "LO", "SH", "UI"})
_NUMBERS = {
    "DS": re.compile(rb"[-+]?[0-9]+(\.[0-9]*)?(\\[-+]?[0-9]+(\.[0-9]*)?)*[ \0]*"),
    "IS": re.compile(rb"[-+]?[0-9]{1,9}[ \0]*"),
}
"""Numbers as nearly all files write them; what looks otherwise is left to pydicom."""


def is_dicom(path: Path) -> bool:
    """Say whether the file starts as a DICOM file does: a preamble and DICM, or a data set without them.

    Raises
    ------
    ImageError
        When it may not be read, or holds the meta information of a DICOM file behind a damaged preamble.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(_PREAMBLE_BYTES + 12)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
    except OSError as error:
        raise ImageError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="Check that you may read it"
        ) from error
    if start[_PREAMBLE_BYTES:][:4] == b"DICM" or starts_as_dataset(start):
        return True
    if start[_PREAMBLE_BYTES + 4 :][:2] == b"\x02\x00" and start[_PREAMBLE_BYTES + 8 :][:2] == b"UL":
        raise ImageError("is a DICOM file whose preamble is damaged", where=str(path), remedy=_EXPORT_AGAIN)
    return False


@contextmanager
def damage_reported(path: Path, *, kind: type[InputError] = ImageError) -> Iterator[None]:
    """Turn what a damaged DICOM file makes pydicom raise into one error that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except UnreadSyntax as error:
            raise kind(str(error), where=str(path), remedy="Export it uncompressed or as JPEG 2000") from error
        except TooElaborate as error:
            raise kind(str(error), where=str(path), remedy=f"{_EXPORT_AGAIN}, without what is not needed") from error
        except MALFORMED as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise kind(f"is truncated or malformed DICOM ({reason})", where=str(path), remedy=_EXPORT_AGAIN) from error


def open_dicom(path: Path, *, with_pixels: bool) -> Dataset:
    """Return a file's data set, up to its pixels or with them; call it under :func:`damage_reported`."""
    return _read(path, None if with_pixels else _PIXEL_DATA)


def read_header(path: Path) -> Dataset:
    """Return a file's elements of the groups up to 0028 (image); call it under :func:`damage_reported`."""
    return _read(path, _AFTER_HEADER)


def _read(path: Path, stop_at: int | None) -> Dataset:
    with path.open("rb") as stream:
        walk(stream, until=NO_TAG if stop_at is None else stop_at)
        return _parsed(stream, stop_at=stop_at)


def read_received(raw: bytes) -> Dataset:
    """Return the elements up to group 0028 of an object, all of whose elements end within what holds them.

    Call it under :func:`damage_reported`.
    """
    stream = BytesIO(raw)
    walk(stream)
    return _parsed(stream, stop_at=_AFTER_HEADER)


def read_elements(raw: bytes, keywords: Collection[str] | None = None) -> Dataset:
    """Return the elements of these keywords, or all, of a file's content; call it under :func:`damage_reported`."""
    tags = None if keywords is None else [Tag(keyword) for keyword in keywords]
    stream = BytesIO(raw)
    walk(stream, wanted=None if tags is None else frozenset(int(tag) for tag in tags))
    return _parsed(stream, tags=tags)


def _parsed(stream: BinaryIO, *, stop_at: int | None = None, tags: list[BaseTag] | None = None) -> Dataset:
    stream.seek(0)
    dataset = read_partial(
        stream,
        None if stop_at is None else (lambda tag, vr, length: tag >= stop_at),  # noqa: ARG005
        force=True,
        specific_tags=cast(list[BaseTag | int] | None, tags),
    )
    if not dataset.preamble and not dataset.file_meta:
        implicit, little_endian = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
        )
    return dataset


@dataclass(frozen=True)
class Elements:
    """The elements of one data set, read by keyword and checked."""

    dataset: Dataset
    where: str
    kind: type[InputError] = ImageError

    def text(self, keyword: str) -> str:
        """Return the element as text; empty where it is absent; several values joined by a backslash."""
        element = self.dataset.get_item(keyword)
        if element is None:
            return ""
        if isinstance(element, RawDataElement) and element.VR in _TEXT and _plain(element.value):
            return str(element.value, "ascii").rstrip(" \0").strip()
        value = self.dataset.get(keyword)
        if value is None:
            return ""
        if isinstance(value, str | PersonName):
            return str(value).strip()
        return "\\".join(str(part) for part in value) if np.iterable(value) else str(value).strip()

    def required_text(self, keyword: str) -> str:
        """Return the element as text; an absent or empty one is an error."""
        text = self.text(keyword)
        if not text:
            state = "is empty" if keyword in self.dataset else "is missing"
            raise self.kind(
                f"{keyword} {state}: the file is truncated or malformed", where=self.where, remedy=_EXPORT_AGAIN
            )
        return text

    def numbers(self, keyword: str, count: int) -> FloatArray:
        """Return the element as ``count`` finite numbers; anything else is an error."""
        values = self._floats(keyword)
        if values.shape != (count,) or not np.isfinite(values).all():
            self.required_text(keyword)
            raise self.kind(
                f"{keyword} should hold {count} finite numbers and holds {self.text(keyword)[:80]!r}",
                where=self.where,
                remedy=_EXPORT_AGAIN,
            )
        return values

    def number(self, keyword: str) -> float:
        """Return the element as one finite number; anything else is an error."""
        return float(self.numbers(keyword, 1)[0])

    def optional_number(self, keyword: str) -> float | None:
        """Return the element as one number; None where it is absent, empty or no number."""
        values = self._floats(keyword)
        return float(values[0]) if values.shape == (1,) and np.isfinite(values[0]) else None

    def _floats(self, keyword: str) -> FloatArray:
        element = self.dataset.get_item(keyword)
        form = _NUMBERS.get(element.VR or "") if isinstance(element, RawDataElement) else None
        if element is not None and form is not None and form.fullmatch(element.value or b""):
            return np.array([float(part) for part in element.value.rstrip(b" \0").split(b"\\")])
        value: Any = self.dataset.get(keyword)
        try:
            return np.atleast_1d(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError):
            return np.empty(0)


def _plain(value: bytes | None) -> bool:
    """Say whether the bytes are one value in letters of every character set."""
    return value is not None and value.isascii() and b"\\" not in value and b"\x1b" not in value
