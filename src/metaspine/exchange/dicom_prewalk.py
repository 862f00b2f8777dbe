"""A walk over a DICOM file's elements before anything is made of them: where they end, how many, how deep.

A sequence item takes 8 bytes of a file and a thousand times as much once it is an object: a small file can fill the
memory. And a length that reaches beyond what holds it turns the rest of a file into other elements, so that structures
vanish without a word. Both are seen here, from tags and lengths alone (DICOM PS3.5 7.1 to 7.5, PS3.10 7.1).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.errors import InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

MOST_ITEMS = 250_000
MOST_ELEMENTS = 2_000_000
DEEPEST = 16

NO_TAG = 0xFFFFFFFF
"""Beyond every tag."""

_PREAMBLE_BYTES = 128
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_TRANSFER_SYNTAX = 0x00020010
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_VR = re.compile(rb"[A-Z][A-Z]")


class TooElaborate(Exception):
    """The file holds more than can be meant (EXCHANGE-10)."""


class UnreadSyntax(Exception):
    """The file's transfer syntax is not read."""


@dataclass
class _Container:
    """What is being walked through: a data set, the items of a sequence, or the fragments of encapsulated pixels."""

    kind: str
    end: int | None
    """Where it ends; None where a delimiter ends it."""
    implicit: bool


def starts_as_dataset(start: bytes) -> bool:
    """Say whether a file without preamble starts as a data set: with a short element of group 2 or 8.

    Parameters
    ----------
    start
        At least the first 12 bytes.
    """
    if len(start) < 12:
        return False
    group, element = struct.unpack_from("<HH", start)
    if group not in {0x0002, 0x0008} or element > 0x0100:
        return False
    explicit = _VR.fullmatch(start[4:6]) is not None
    length = struct.unpack_from("<H", start, 6)[0] if explicit else struct.unpack_from("<I", start, 4)[0]
    return bool(length <= 256)


def walk(stream: BinaryIO, *, until: int = NO_TAG, wanted: Collection[int] | None = None) -> int:
    """Walk over a file's elements, refuse what pydicom should not be given, and return where the walk ended, in bytes.

    Up to 7 bytes may follow the last element: they are none, or the start of one that was cut off.

    Parameters
    ----------
    until
        The first tag that will not be read.
    wanted
        The tags that will be read, None for all: a sequence of stated length that nobody reads is passed over.

    Raises
    ------
    EOFError, ValueError
        When an element reaches beyond the file or what holds it, or delimiters stand where none belong.
    TooElaborate
        When there are too many items or elements, or they are nested too deeply (EXCHANGE-10).
    UnreadSyntax
        When the file is deflated: its true size is known only after inflating it.
    """
    size = stream.seek(0, 2)
    start, syntax = _after_meta(stream, size)
    if syntax == DeflatedExplicitVRLittleEndian:
        raise UnreadSyntax("is deflated DICOM, which is not read")
    walker = _Walker(stream, size, big_endian=syntax == ExplicitVRBigEndian, until=until, wanted=wanted)
    return walker.through(start, implicit=syntax in {"", ImplicitVRLittleEndian})


def _after_meta(stream: BinaryIO, size: int) -> tuple[int, str]:
    """Return where the data set starts and its transfer syntax; empty where the file states none."""
    stream.seek(0)
    start = stream.read(_PREAMBLE_BYTES + 4)
    if start[_PREAMBLE_BYTES:] == b"DICM":
        position = len(start)
    elif starts_as_dataset(start):
        position = 0
    else:
        raise InvalidDicomError("no DICM after its preamble")
    syntax = ""
    while True:
        stream.seek(position)
        head = stream.read(12)
        if len(head) < 8 or head[:2] != b"\x02\x00":
            return position, syntax
        group, element, vr, length = struct.unpack_from("<HH2sH", head)
        value = position + 8
        if vr in _LONG:
            length, value = struct.unpack_from("<I", head.ljust(12, b"\0"), 8)[0], position + 12
        if value + length > size:
            raise EOFError(f"element ({group:04X},{element:04X}) reaches beyond the end of the file")
        if group << 16 | element == _TRANSFER_SYNTAX:
            stream.seek(value)
            syntax = stream.read(length).decode("ascii", "replace").strip(" \0")
        position = value + length


class _Walker:
    """One walk; what is open is kept on a list, so that no depth of nesting exhausts Python's own."""

    def __init__(
        self, stream: BinaryIO, size: int, *, big_endian: bool, until: int, wanted: Collection[int] | None
    ) -> None:
        self.stream, self.size, self.until, self.wanted = stream, size, until, wanted
        order = ">" if big_endian else "<"
        self.short, self.long, self.word = (struct.Struct(order + form) for form in ("HH2sH", "HHI", "I"))
        self.open: list[_Container] = []
        self.items = self.elements = 0

    def through(self, start: int, *, implicit: bool) -> int:
        """Walk from the first element of the data set to its end, and return where that is."""
        self.open = [_Container("elements", self.size, self._implicit_at(start, implicit))]
        position = start
        while self.open:
            top = self.open[-1]
            if top.end is not None and position >= top.end:
                self.open.pop()
                continue
            self.stream.seek(position)
            head = self.stream.read(12)
            if len(head) < 8 or (top.end is not None and top.end - position < 8):
                if len(self.open) == 1:
                    return position
                raise EOFError(f"what starts at byte {position} has no end")
            following = (
                self._element(position, head, top) if top.kind == "elements" else self._item(position, head, top)
            )
            if following < 0:
                return position
            position = following
        return position

    def _element(self, position: int, head: bytes, top: _Container) -> int:
        self._count_element()
        group, number, vr, length = self.short.unpack_from(head)
        tag = group << 16 | number
        if tag == _ITEM_END and len(self.open) > 1:
            return self._closed(position)
        if group == 0xFFFE:
            raise ValueError(f"a delimiter stands at byte {position}, where an element should")
        if len(self.open) == 1 and tag >= self.until:
            return -1
        value = position + 8
        if top.implicit or not _VR.fullmatch(vr):
            length = self.long.unpack_from(head)[2]
            vr = _known_vr(tag)
        elif vr in _LONG:
            if len(head) < 12:
                raise EOFError(f"element ({group:04X},{number:04X}) is cut off")
            length, value = self.word.unpack_from(head, 8)[0], position + 12
        if length == _UNDEFINED:
            self._push(_Container(self._undefined_kind(vr, tag, value), None, top.implicit or vr == b"UN"))
            return value
        self._refuse_beyond(value + length, top, tag)
        if (vr == b"SQ" or (vr == b"UN" and _known_vr(tag) == b"SQ")) and self._is_read(tag) and length:
            self._push(_Container("items", value + length, top.implicit or vr == b"UN"))
            return value
        return int(value + length)

    def _item(self, position: int, head: bytes, top: _Container) -> int:
        group, number, length = self.long.unpack_from(head)
        tag = group << 16 | number
        if tag == _SEQUENCE_END:
            return self._closed(position)
        if tag != _ITEM:
            raise ValueError(f"({group:04X},{number:04X}) stands at byte {position}, where an item should")
        value = position + 8
        if length != _UNDEFINED:
            self._refuse_beyond(value + length, top, tag)
        if top.kind == "fragments":
            if length == _UNDEFINED:
                raise ValueError(f"a fragment of pixels without a length at byte {position}")
            return int(value + length)
        self.items += 1
        if self.items > MOST_ITEMS:
            raise TooElaborate(f"holds more than {MOST_ITEMS} sequence items (EXCHANGE-10)")
        self._push(_Container("elements", None if length == _UNDEFINED else value + length, top.implicit))
        self.open[-1].implicit = self._implicit_at(value, top.implicit) if length else top.implicit
        return value

    def _closed(self, position: int) -> int:
        """Close what a delimiter ends; some writers put one into a container of stated length as well."""
        done = self.open.pop()
        return done.end if done.end is not None else position + 8

    def _push(self, container: _Container) -> None:
        self.open.append(container)
        if len(self.open) > 2 * DEEPEST + 1:
            raise TooElaborate(f"holds sequences nested more than {DEEPEST} deep (EXCHANGE-10)")

    def _count_element(self) -> None:
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            raise TooElaborate(f"holds more than {MOST_ELEMENTS} elements (EXCHANGE-10)")

    def _refuse_beyond(self, end: int, top: _Container, tag: int) -> None:
        limit = self.size if top.end is None else top.end
        if end > limit:
            what = "file" if limit == self.size else "sequence that holds it"
            raise EOFError(f"element ({tag >> 16:04X},{tag & 0xFFFF:04X}) reaches beyond the end of the {what}")

    def _is_read(self, tag: int) -> bool:
        return len(self.open) > 1 or self.wanted is None or tag in self.wanted

    def _undefined_kind(self, vr: bytes, tag: int, value: int) -> str:
        """Return what an element of undefined length holds: a data set's items, or fragments of pixels."""
        if vr == b"SQ" or _known_vr(tag) == b"SQ":
            return "items"
        if vr == b"UN":
            self.stream.seek(value)
            group, number, _ = self.long.unpack(self.stream.read(4).ljust(8, b"\0"))
            return "items" if (group, number) == (0xFFFE, 0xE000) else "fragments"
        return "fragments"

    def _implicit_at(self, position: int, expected: bool) -> bool:
        """Say whether a data set is written without value representations, whatever was announced."""
        self.stream.seek(position)
        head = self.stream.read(6)
        if len(head) < 6 or (expected and len(self.open) > 0):
            return expected
        return _VR.fullmatch(head[4:6]) is None


def _known_vr(tag: int) -> bytes:
    try:
        return dictionary_VR(tag)[:2].encode("ascii")
    except KeyError:
        return b"UN"
