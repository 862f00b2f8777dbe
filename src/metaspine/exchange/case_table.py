"""Many cases, one after the other: from a CSV table with one row a lesion, or from a folder of case files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count, groupby
from pathlib import Path
from typing import Any, BinaryIO

from metaspine.errors import CaseError
from metaspine.exchange.case_columns import IDENTIFIER, PRIOR_COURSE, checked_header, columns
from metaspine.exchange.case_file import case_from_document, read_case
from metaspine.patient.case import Case

_CASE_FILES = (".yaml", ".yml", ".json")
_DELIMITERS = (",", ";", "\t")
_SAVE_AS = "Save the table as CSV in UTF-8, with the keys of the case file as its first row (docs/batch.md)"


@dataclass(frozen=True)
class Read:
    """A case of a table or a folder, or why there is none."""

    id: str
    """The patient's id in the table, or the name of the case file."""
    row: int
    """On which the patient begins, as a spreadsheet counts: the header is row 1; in a folder the place of the file."""
    case: Case | None
    fault: CaseError | None
    share_read: float
    """How much of the whole has been read, from 0 to 1."""


@dataclass(frozen=True)
class _Row:
    number: int
    id: str
    cells: Mapping[str, str]
    fault: CaseError | None
    share_read: float


def cases_in(path: Path | str) -> Iterator[Read]:
    """Yield every case of a CSV table, or of a folder of case files in the order of their names.

    Rows of one id that follow each other are the lesions of one patient. A row that cannot be used takes its patient
    out, not the others. Memory holds one patient, and the ids that have been read.

    Raises
    ------
    CaseError
        When the whole cannot be used: no such file, no UTF-8, an unknown, missing or repeated column.
    """
    place = Path(path)
    return _cases_of_folder(place) if place.is_dir() else _cases_of_table(place)


def _cases_of_folder(folder: Path) -> Iterator[Read]:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _CASE_FILES)
    if not files:
        raise CaseError(
            "no case file in the folder", where=str(folder), remedy="Case files end in .yaml, .yml or .json"
        )
    for number, file in enumerate(files, start=1):
        try:
            yield Read(file.name, number, read_case(file), None, number / len(files))
        except CaseError as error:
            yield Read(file.name, number, None, error, number / len(files))


def _cases_of_table(path: Path) -> Iterator[Read]:
    try:
        with path.open("rb") as file:
            size = max(path.stat().st_size, 1)
            yield from _cases_of_rows(_rows(file, size, str(path)), str(path))
    except OSError as error:
        remedy = "Name a CSV table or a folder of case files that exists and that you may read"
        raise CaseError(f"the table cannot be read ({error.strerror})", where=str(path), remedy=remedy) from error


def _cases_of_rows(rows: Iterator[_Row], where: str) -> Iterator[Read]:
    seen: dict[str, int] = {}
    for identifier, group in groupby(rows, key=lambda row: row.id):
        lesions = list(group)
        first, last = lesions[0], lesions[-1]
        try:
            case = _case(lesions, seen, where)
        except CaseError as error:
            yield Read(identifier, first.number, None, error, last.share_read)
        else:
            yield Read(identifier, first.number, case, None, last.share_read)
        seen.setdefault(identifier, first.number)


def _case(lesions: list[_Row], seen: Mapping[str, int], where: str) -> Case:
    first = lesions[0]
    place = f"{where}, row {first.number}"
    for row in lesions:
        if row.fault is not None:
            raise row.fault
        _require_one_answer(row, where)
    if not first.id:
        raise CaseError("the patient has no id", where=f"{place}, {IDENTIFIER}", remedy="Give each patient an id")
    if first.id in seen:
        what = f"the id {first.id!r} stands in row {seen[first.id]} already, with other patients between"
        raise CaseError(what, where=place, remedy="Put the rows of one patient together, or give another id")
    _require_one_patient(lesions, where)
    document = _document(first)
    if len(lesions) > 1:
        del document["lesion"]
        document["lesions"] = [_document(row)["lesion"] for row in lesions]
    try:
        return case_from_document(document, where=place)
    except CaseError as error:
        raise _at_its_row(error, lesions, where) from error


def _at_its_row(error: CaseError, lesions: list[_Row], where: str) -> CaseError:
    """Name the row of the lesion that is at fault, not the patient's first."""
    for place, row in enumerate(lesions):
        _, mark, key = error.where.partition(f", lesions[{place}]")
        if mark:
            return CaseError(error.what, where=f"{where}, row {row.number}, lesion{key}", remedy=error.remedy)
    return error


def _require_one_patient(lesions: list[_Row], where: str) -> None:
    first = lesions[0]
    for row in lesions[1:]:
        for name, text in row.cells.items():
            if text and not name.startswith("lesion.") and text != first.cells[name]:
                stated = f"{first.cells[name]!r}" if first.cells[name] else "nothing"
                raise CaseError(
                    f"{text!r} here, but {stated} in row {first.number} of the same patient",
                    where=f"{where}, row {row.number}, {name}",
                    remedy="State the patient's facts in the first row, and repeat them or leave them empty below",
                )


def _document(row: _Row) -> dict[str, Any]:
    """Return the case file that one row amounts to; an empty cell is a key that is not there."""
    document: dict[str, Any] = {"oncology": {}, "lesion": {}}
    values = {name: columns()[name](text) for name, text in row.cells.items() if text and name != IDENTIFIER}
    for name, value in values.items():
        *sections, key = name.split(".")
        inner = document
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[key] = value
    return document


def _require_one_answer(row: _Row, where: str) -> None:
    """Refuse a course of radiotherapy beside the word that there was none."""
    course = [name for name, text in row.cells.items() if text and name.startswith(f"{PRIOR_COURSE}.")]
    if course and row.cells.get(PRIOR_COURSE):
        raise CaseError(
            f"{row.cells[PRIOR_COURSE]!r} beside {course[0]}",
            where=f"{where}, row {row.number}, {PRIOR_COURSE}",
            remedy="Write false where there was no radiotherapy; beside a course leave the cell empty",
        )


def _rows(file: BinaryIO, size: int, where: str) -> Iterator[_Row]:
    """Yield the rows below the header; empty ones are counted and left out."""
    lines = _lines(file, where)
    header = next(lines, "")
    if not header.strip():
        raise CaseError("the table is empty", where=where, remedy=_SAVE_AS)
    delimiter = max(_DELIMITERS, key=header.count)
    reader = _parsed(csv.reader(chain([header], lines), delimiter=delimiter, strict=True), where)
    names = checked_header(next(reader)[1], f"{where}, row 1")
    for number, cells in reader:
        texts = [cell.strip() for cell in cells]
        if any(texts):
            fault = None if len(texts) == len(names) else _width(texts, names, f"{where}, row {number}")
            found = dict(zip(names, texts, strict=False))
            yield _Row(number, found.get(IDENTIFIER, ""), found, fault, min(file.tell() / size, 1))


def _parsed(reader: Iterator[list[str]], where: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with its number; after a quote that does not end no row can be told from the next."""
    for number in count(1):
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            remedy = "A cell in quotes ends with a quote; a quote in it is written twice"
            raise CaseError(f"not well-formed CSV ({error})", where=f"{where}, row {number}", remedy=remedy) from error


def _lines(file: BinaryIO, where: str) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise CaseError("the table is not UTF-8 text", where=f"{where}, line {number}", remedy=_SAVE_AS) from error


def _width(texts: list[str], names: tuple[str, ...], where: str) -> CaseError:
    what = f"{len(texts)} cells below {len(names)} columns"
    remedy = "Write a decimal point, not a comma, and put a cell that holds the separator in quotes"
    return CaseError(what, where=where, remedy=remedy)
