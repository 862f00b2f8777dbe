"""Blocks in, PDF out: the template and its data are handed to typst, with its embedded fonts and nothing else.

Words from files reach the template as JSON values only, never as markup, so that no character in them can be a command.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typst

from metaspine.errors import OutputError
from metaspine.reports.blocks import Document, Gallery, Picture

_DRAWABLE = (
    (0x0020, 0x04FF),
    (0x0531, 0x060B),
    (0x0621, 0x063A),
    (0x0640, 0x066D),
    (0x1D00, 0x2040),
    (0x2070, 0x209C),
    (0x20A0, 0x20BF),
    (0x2100, 0x2117),
    (0x2126, 0x2151),
    (0x2190, 0x23FF),
    (0x27E8, 0x27E9),
)
"""Ranges of code points that the embedded fonts hold; tests/reports prove it glyph by glyph."""

_NEVER_DRAWN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Controls and unassigned characters; among them the marks that turn the direction of writing, and with it numbers."""


def printable(text: str) -> str:
    """Return the text with white space made plain and every character that cannot be drawn written as its number.

    Nothing in a file's words may vanish from the page, nor turn the order of what stands beside it.
    """
    plain = re.sub(r"[\s\u200b]+", _plain_space, unicodedata.normalize("NFC", text))
    return "".join(letter if _drawable(letter) else f"⟨U+{ord(letter):04X}⟩" for letter in plain)


def typeset(document: Document, *, at: datetime) -> bytes:
    """Return the PDF of a document; the same document and date give the same bytes.

    Raises
    ------
    OutputError
        When typst refuses the document.
    """
    (pdf,) = _compiled(document, format="pdf", timestamp=at)
    return pdf


def pages_as_png(document: Document, *, dots_per_inch: float = 100.0) -> tuple[bytes, ...]:
    """Return the pages of a document as PNG, for a screen or for the project's own pages.

    Raises
    ------
    OutputError
        When typst refuses the document.
    """
    return _compiled(document, format="png", ppi=dots_per_inch)


def _compiled(document: Document, **settings: Any) -> tuple[bytes, ...]:
    with TemporaryDirectory(prefix="metaspine-report-") as name:
        folder = Path(name)
        _lay_out(document, folder)
        try:
            made = typst.compile(str(folder / "report.typ"), root=name, ignore_system_fonts=True, **settings)
        except typst.TypstError as error:
            raise OutputError(
                f"the report could not be typeset ({error.message})", remedy="Report this together with the case file"
            ) from error
    return tuple(map(bytes, made)) if isinstance(made, list) else (bytes(made),)


def _lay_out(document: Document, folder: Path) -> None:
    template = files("metaspine.reports") / "templates" / "report.typ"
    (folder / "report.typ").write_bytes(template.read_bytes())
    content = _without_drawings(asdict(document))
    (folder / "content.json").write_text(json.dumps(content, ensure_ascii=True), encoding="utf-8")
    for picture in _pictures(document):
        (folder / f"{picture.name}.svg").write_bytes(picture.svg)


def _pictures(document: Document) -> Iterator[Picture]:
    for page in document.pages:
        for block in page.blocks:
            if isinstance(block, Gallery):
                yield from block.pictures


def _without_drawings(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _without_drawings(item) for key, item in value.items() if key != "svg"}
    if isinstance(value, list | tuple):
        return [_without_drawings(item) for item in value]
    return value


def _plain_space(match: re.Match[str]) -> str:
    return "\u00a0" if match.group() == "\u00a0" else " "


def _drawable(letter: str) -> bool:
    code = ord(letter)
    return unicodedata.category(letter) not in _NEVER_DRAWN and any(low <= code <= high for low, high in _DRAWABLE)
