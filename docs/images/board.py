"""Draw the board's two pages of the example patient, which docs/assess.md shows. Run: python docs/images/board.py."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image

import metaspine as ms
from metaspine.reports.board import board_paper
from metaspine.reports.typesetting import pages_as_png

HERE = Path(__file__).parent
CASE = HERE.parent.parent / "examples" / "t12" / "case.yaml"
BETWEEN_PIXELS = 20


def draw() -> None:
    """Write both pages side by side."""
    case = ms.read_case(CASE)
    paper = board_paper(case, ms.prepare_board(case, ms.assess(case)), date=datetime(2026, 1, 2, 12, 0, tzinfo=UTC))
    pages = [Image.open(BytesIO(page)).convert("RGB") for page in pages_as_png(paper, dots_per_inch=110)]
    width, height = pages[0].size
    drawn = Image.new("RGB", (len(pages) * (width + BETWEEN_PIXELS) - BETWEEN_PIXELS, height), "lightgray")
    for number, page in enumerate(pages):
        drawn.paste(page, (number * (width + BETWEEN_PIXELS), 0))
    drawn.quantize(64).save(HERE / "board.png", optimize=True)


if __name__ == "__main__":
    draw()
