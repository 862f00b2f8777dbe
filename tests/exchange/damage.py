"""How files are damaged for the tests: bytes changed, parts cut out, repeated or cut off, lengths and VRs exchanged."""

from __future__ import annotations

import numpy as np

VRS = (b"OB", b"UN", b"SQ", b"LO", b"DS", b"US", b"FD", b"AT", b"UT", b"zz")
LENGTHS = (b"\xff\xff\xff\xff", b"\xfe\xff\xff\xff", b"\x00\x00\x00\x00", b"\x00\x00\x00\x80")


def damaged(content: bytes, random: np.random.Generator, head: int) -> bytes:
    """Change a few bytes, mostly near the start where the structure is; sometimes cut or repeat a part."""
    data = bytearray(content)
    for _ in range(random.integers(1, 12)):
        place = int(random.integers(0, min(head, len(data)) if random.random() < 0.8 else len(data)))
        data[place] = int(random.choice([0, 1, 0x7F, 0x80, 0xFF, random.integers(0, 256)]))
    kind = random.random()
    start, stop = sorted(int(n) for n in random.integers(0, len(data), 2))
    if kind < 0.1:
        del data[start:stop]
    elif kind < 0.2:
        data[start:start] = data[start:stop]
    elif kind < 0.3:
        del data[start:]
    return bytes(data)


def damaged_dicom(content: bytes, random: np.random.Generator, head: int) -> bytes:
    """Damage a file as :func:`damaged`, or where DICOM is most easily hurt: representations and lengths."""
    if random.random() < 0.7:
        return damaged(content, random, head)
    data = bytearray(content)
    for _ in range(random.integers(1, 4)):
        place = _element_near(data, int(random.integers(132, min(head, len(data) - 12))))
        if random.random() < 0.5:
            data[place + 4 : place + 6] = VRS[random.integers(len(VRS))]
        else:
            at = place + (8 if bytes(data[place + 4 : place + 6]) in {b"OB", b"OW", b"SQ", b"UN"} else 6)
            data[at : at + 4] = LENGTHS[random.integers(len(LENGTHS))]
    return bytes(data)


def _element_near(data: bytearray, place: int) -> int:
    """Return where an element with a value representation starts, at the place or after it; else the place."""
    for start in range(place, min(place + 60, len(data) - 6)):
        if bytes(data[start + 4 : start + 6]).isalpha() and bytes(data[start + 4 : start + 6]).isupper():
            return start
    return place
