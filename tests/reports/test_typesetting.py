"""Words from files are data: nothing in them is a command, nothing vanishes, the same words give the same bytes."""

from __future__ import annotations

import io
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from metaspine.reports.blocks import (
    Annex,
    Document,
    Fact,
    Facts,
    KeyNumber,
    KeyNumbers,
    Notice,
    Page,
    Remark,
    Remarks,
    Source,
    Table,
)
from metaspine.reports.typesetting import _DRAWABLE, pages_as_png, printable, typeset

DATE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOSTILE = (
    '#panic("x")',
    "$x^2$ *bold* _it_ `raw` <label> @reference [content] {code}",
    "= heading",
    "- item / term: x",
    "\"quoted\" 'single' \\ backslash \\u{41} ~ -- ---",
    "// comment /* block */",
    '#import "@preview/x:1.0.0": *',
    "emoji 🙂 and 🫀",
    "right to left: שלום עולם and العربية",
    "turned \u202e8 Gy\u202c back",
    "nul \x00 bell \x07 tab \t line \n end",
    "W" * 400,
    "漢字 한국어",
    "a\u0301\u0323\u0301\u0301 combining",
)


def document(*blocks: object, band: str = "", title: str = "Title") -> Document:
    return Document(
        title, "subtitle", band, "disclaimer", "case", "2026-01-02", "0.1.0", (Page("Heading", tuple(blocks)),)
    )


def words(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def squeezed(text: str) -> str:
    return "".join(text.replace("\u200b", "").split())


def test_hostile_words_are_printed_as_they_are_in_every_kind_of_block() -> None:
    blocks = [
        block
        for text in HOSTILE
        for block in (
            Notice("stop", text, text, text),
            KeyNumbers((KeyNumber(text, text, text, True), KeyNumber(text, text))),
            Facts(text, (Fact(text, text, text),)),
            Table(text, (text, text), ((text, text),), (1, 1), caption=text),
            Remarks(text, (Remark(text, text),)),
            Annex(((text, (Source(text, text, text),)), (text, ())), text),
        )
    ]
    pdf = typeset(document(*blocks, band=HOSTILE[1], title=HOSTILE[0]), at=DATE)
    printed = squeezed(words(pdf))
    for text in HOSTILE[:7]:
        assert squeezed(text) in printed, text
    assert squeezed("emoji ⟨U+1F642⟩ and ⟨U+1FAC0⟩") in printed
    assert squeezed("turned ⟨U+202E⟩8 Gy⟨U+202C⟩ back") in printed
    assert squeezed("nul ⟨U+0000⟩ bell ⟨U+0007⟩ tab line end") in printed
    assert "שלום" in printed or "םולש" in printed
    assert "W" * 400 in printed


@pytest.mark.parametrize("count", [0, 1, 400])
def test_empty_and_huge_tables_are_set(count: int) -> None:
    rows = tuple((f"row {n}", "value") for n in range(count))
    pdf = typeset(document(Table("Table", ("a", "b"), rows, (1, 1), empty="nothing at all")), at=DATE)
    printed = words(pdf)
    assert ("nothing at all" in printed) == (count == 0)
    assert all(f"row {n}" in printed for n in range(count))
    assert (len(PdfReader(io.BytesIO(pdf)).pages) > 1) == (count == 400)


def test_a_band_and_the_disclaimer_stand_on_every_page_and_pages_are_counted() -> None:
    rows = tuple((f"row {n}", "value") for n in range(150))
    pdf = typeset(document(Table("Table", ("a", "b"), rows, (1, 1)), band="NOT FOR TREATMENT"), at=DATE)
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    assert len(pages) > 2
    for number, text in enumerate(pages, start=1):
        assert "NOT FOR TREATMENT" in text
        assert "disclaimer" in text
        assert f"page {number} of {len(pages)}" in text


def test_the_same_document_and_date_give_the_same_bytes_with_the_date_inside() -> None:
    content = document(Notice("note", "t", "words"))
    first, second = typeset(content, at=DATE), typeset(content, at=DATE)
    assert first == second
    assert str(PdfReader(io.BytesIO(first)).metadata["/CreationDate"]).startswith("D:20260102030405")
    assert typeset(content, at=datetime(2027, 1, 1, tzinfo=UTC)) != first


def test_the_pages_can_be_had_as_pictures_too() -> None:
    rows = tuple((f"row {n}", "value") for n in range(150))
    content = document(Table("Table", ("a", "b"), rows, (1, 1)))
    pages = pages_as_png(content, dots_per_inch=72.0)
    assert len(pages) == len(PdfReader(io.BytesIO(typeset(content, at=DATE))).pages) > 2
    for page in pages:
        assert page.startswith(b"\x89PNG")
        assert (int.from_bytes(page[16:20], "big"), int.from_bytes(page[20:24], "big")) == pytest.approx(
            (595, 842), abs=1
        )
    assert len(pages_as_png(document(Notice("note", "t", "words")))) == 1


def test_only_embedded_fonts_are_used() -> None:
    pdf = typeset(document(Notice("note", "t", "words שלום العربية")), at=DATE)
    fonts = {
        str(font.get_object()["/BaseFont"]).split("+")[-1]
        for page in PdfReader(io.BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert fonts
    assert all(name.startswith(("Libertinus", "DejaVuSansMono", "NewCM")) for name in fonts), fonts


def test_every_drawable_character_has_a_glyph() -> None:
    hidden = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Me", "Mc"}
    letters = [
        chr(code)
        for low, high in _DRAWABLE
        for code in range(low, high + 1)
        if unicodedata.category(chr(code)) not in hidden and printable(chr(code)) == chr(code)
    ]
    assert "\x00" not in words(typeset(document(Notice("note", "t", " ".join(letters))), at=DATE))


@given(st.text(max_size=40))
def test_printable_text_holds_no_control_and_says_every_character(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(letter) not in {"Cc", "Cf", "Cs"} for letter in shown)
    assert printable(shown) == shown
    assert bool(shown.strip()) or not text.strip()
