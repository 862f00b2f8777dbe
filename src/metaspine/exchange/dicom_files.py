"""Opening DICOM files that may be damaged: every fault becomes one clear error, every value is checked when it is read.

pydicom warns of odd values in elements that nobody needs; the elements that are needed are checked here one by one, so
its warnings are not shown.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pydicom.uid import DeflatedExplicitVRLittleEndian
from pydicom.valuerep import PersonName

from metaspine.errors import ImageError, InputError
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
_EXPORT_AGAIN = "Export it again from the scanner or the archive"


def is_dicom(path: Path) -> bool:
    """Say whether the file starts as a DICOM file does (a preamble and DICM)."""
    try:
        with path.open("rb") as stream:
            return stream.read(_PREAMBLE_BYTES + 4)[_PREAMBLE_BYTES:] == b"DICM"
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
    except OSError as error:
        raise ImageError(
            f"cannot be read ({error.strerror})", where=str(path), remedy="Check that you may read it"
        ) from error


@contextmanager
def damage_reported(path: Path, *, kind: type[InputError] = ImageError) -> Iterator[None]:
    """Turn what a damaged DICOM file makes pydicom raise into one error that names the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except MALFORMED as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            raise kind(f"is truncated or malformed DICOM ({reason})", where=str(path), remedy=_EXPORT_AGAIN) from error


def open_dicom(path: Path, *, with_pixels: bool) -> Dataset:
    """Return the file's data set; call it under :func:`damage_reported`.

    Raises
    ------
    ImageError
        When the file is deflated: its true size is known only after inflating it.
    """
    meta = read_file_meta_info(path)
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        raise ImageError(
            "is deflated DICOM, which is not read", where=str(path), remedy="Export it uncompressed or as JPEG 2000"
        )
    return pydicom.dcmread(path, stop_before_pixels=not with_pixels)


@dataclass(frozen=True)
class Elements:
    """The elements of one data set, read by keyword and checked."""

    dataset: Dataset
    where: str
    kind: type[InputError] = ImageError

    def text(self, keyword: str) -> str:
        """Return the element as text; empty where it is absent; several values joined by a backslash."""
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
        self.required_text(keyword)
        values = self._floats(keyword)
        if values.shape != (count,) or not np.isfinite(values).all():
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
        values = self._floats(keyword) if self.text(keyword) else np.empty(0)
        return float(values[0]) if values.shape == (1,) and np.isfinite(values[0]) else None

    def _floats(self, keyword: str) -> FloatArray:
        value: Any = self.dataset.get(keyword)
        try:
            return np.atleast_1d(np.asarray(value, dtype=np.float64))
        except (TypeError, ValueError):
            return np.empty(0)
