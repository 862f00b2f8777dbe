"""Which evidence entries the program rests on somewhere: in a rule, a table, its code or another entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable

from metaspine.evidence.conflicts import conflicts
from metaspine.evidence.entries import entries

_ID = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Za-z0-9]+)+")
_OWN_NAME = re.compile(r"\bid: *[^\s,}]+")
"""The id of a rule: not a citation, even where it is the same as that of the entry it rests on."""

_BESIDE_THE_PROGRAM = {
    **dict.fromkeys(("PHO-06", "PHO-07", "PHY-23", "PHY-24", "SRC-04", "SRC-06", "SRC-08"), "docs/validation.md"),
    "PHY-28": "docs/dose.md",
}
"""Entries that the program does not compute with, and where they are used: the validation compares with what others
measured, and a centre's own device file cites one."""


def uncited() -> tuple[str, ...]:
    """Return the ids of the entries that nothing in the program cites, in the order of the alphabet.

    Cited is what a table, a rule's ``evidence``, code or its documentation, or another entry or conflict names. A
    conflict in which nothing can be chosen is shown for itself and need not be cited.
    """
    shown = {name for name, conflict in conflicts().items() if not conflict.selectable}
    return tuple(sorted(entries().keys() - set(_cited()) - shown - _BESIDE_THE_PROGRAM.keys()))


def _cited() -> Iterator[str]:
    for path in _texts(files("metaspine")):
        yield from _ID.findall(_OWN_NAME.sub("", path.read_text(encoding="utf-8")))
    for entry in entries().values():
        others = _ID.findall(f"{entry.statement} {entry.note} {entry.conflict}")
        yield from (name for name in others if name != entry.id)
    for conflict in conflicts().values():
        yield from _ID.findall(f"{conflict.summary} {conflict.question} {conflict.why}")


def _texts(folder: Traversable) -> Iterator[Traversable]:
    """Yield the Python and YAML files of the program, but for those that define evidence."""
    for item in folder.iterdir():
        if item.is_dir() and not (item.name == "data" and folder.name == "evidence"):
            yield from _texts(item)
        elif item.name.endswith((".py", ".yaml")):
            yield item
