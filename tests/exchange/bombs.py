"""Bytes that follow a file's elements: little to store, too much to read."""

from __future__ import annotations

import struct

UNDEFINED = 0xFFFFFFFF
EMPTY_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0)
OPEN_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def element(group: int, number: int, vr: bytes, length: int) -> bytes:
    return struct.pack("<HH2sHI", group, number, vr, 0, length)


BOMBS = {
    "a million items": (
        element(0x3011, 0x0010, b"SQ", UNDEFINED) + EMPTY_ITEM * 300_000 + SEQUENCE_END,
        "more than 250000 sequence items",
    ),
    "a million items in a sequence of stated length": (
        element(0x3011, 0x0010, b"SQ", 8 * 300_000) + EMPTY_ITEM * 300_000,
        "more than 250000 sequence items",
    ),
    "items within items": (
        (element(0x3011, 0x0010, b"SQ", UNDEFINED) + OPEN_ITEM) * 2000,
        "nested more than 16 deep",
    ),
    "millions of elements": (b"\x11\x30\x10\x00LO\x00\x00" * 2_100_000, "more than 2000000 elements"),
    "four gigabytes in words": (element(0x7FD1, 0x0010, b"OB", 0xFFFFFFF0) + b"x" * 100, "beyond the end of the file"),
}
