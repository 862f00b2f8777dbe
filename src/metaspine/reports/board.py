"""The tumour board's pages as a PDF: two, or three where several lesions leave much in dispute."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from metaspine.patient.board import Board
from metaspine.patient.case import Case
from metaspine.reports.blocks import Document
from metaspine.reports.board_page import board_pages
from metaspine.reports.clinical_words import in_words
from metaspine.reports.report import document, identity, subject
from metaspine.reports.typesetting import typeset
from metaspine.running import now_or_source_date, whole_file


def write_board(case: Case, board: Board, *, to: Path | str) -> Path:
    """Write the board's pages, whole or not at all.

    Parameters
    ----------
    to
        The PDF's path.

    Returns
    -------
    Path
        The PDF.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    date = now_or_source_date()
    pdf = typeset(board_paper(case, board, date=date), at=date)
    with whole_file(to) as temporary:
        temporary.write_bytes(pdf)
    return Path(to)


def board_paper(case: Case, board: Board, *, date: datetime) -> Document:
    """Return what the board's pages say, before they are set."""
    policy = ", version ".join(part for part in (board.policy.centre, board.policy.version) if part) or "defaults"
    return document(
        "Spine tumour board",
        f"{subject(case)} · {in_words('primary', case.oncology.primary)}",
        "",
        pages=board_pages(case, board),
        identity=f"{identity(case, None)} · policy: {policy}",
        date=date,
    )
