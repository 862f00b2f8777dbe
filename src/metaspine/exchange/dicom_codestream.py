"""What a compressed picture says of its own size, before a decoder is given it.

GDCM ends the whole program where a codestream is larger than the file announces, and takes a part of its rows for the
picture where it is smaller. Sources: ITU-T T.81 B.2.2 (JPEG), T.87 C.2.2 (JPEG-LS), T.800 A.5.1 (JPEG 2000).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_JPEG_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_JPEG_FIRST, _JPEG_SCAN = 0xC0, 0xDA
_JPEG, _JPEG_2000, _SIZE = b"\xff\xd8", b"\xff\x4f", b"\xff\x51"


class Codestream(NamedTuple):
    """The size of a compressed picture."""

    rows: int
    columns: int
    samples: int
    bits: int


def codestream_of(picture: bytes) -> Codestream:
    """Return what the header of a JPEG, JPEG-LS or JPEG 2000 picture says.

    Raises
    ------
    ValueError
        When there is no such header.
    """
    if picture[:2] == _JPEG:
        return _jpeg(picture)
    start = picture.find(_JPEG_2000 + _SIZE)
    if start < 0 or len(picture) < start + 43:
        raise ValueError("the compressed pixels have no readable header")
    right, bottom, left, top = struct.unpack_from(">4I", picture, start + 8)
    (samples,) = struct.unpack_from(">H", picture, start + 40)
    return Codestream(bottom - top, right - left, samples, (picture[start + 42] & 0x7F) + 1)


def _jpeg(picture: bytes) -> Codestream:
    """Read the segments up to the scan; GDCM ends the program where one of them starts with no marker."""
    position, found = 2, None
    while position + 10 <= len(picture) and picture[position] == 0xFF:
        marker = picture[position + 1]
        if marker == 0xFF:  # a filling byte before a marker
            position += 1
            continue
        if marker == _JPEG_SCAN and found is not None:
            return found
        if marker in _JPEG_FRAME and found is None:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", picture, position + 4)
            found = Codestream(rows, columns, samples, bits)
        elif marker in _JPEG_FRAME or not _JPEG_FIRST <= marker < 0xFF:
            break
        position += 2 + struct.unpack_from(">H", picture, position + 2)[0]
    raise ValueError("the compressed pixels have no readable header")
