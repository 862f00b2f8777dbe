"""``make validate``: compare the program with independent truths and write docs/validation.md.

Each module in CHAPTERS offers ``chapter(data: Path | None) -> Chapter``: a title, an explanation and tables whose
rows are measured now. Data that are not at hand are named as such in the page, never left out silently.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path

from metaspine.running import whole_file
from metaspine.version import __version__
from validation.chapter import Chapter

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "validation.md"
CHAPTERS = (
    "landmarks",
    "needle_search",
    "dvh",
    "output",
    "registration",
    "cross_sections",
    "engine_in_water",
    "photon_sources",
    "analog",
    "point_source",
    "penelope",
)


def main() -> int:
    """Write the page; return 1 when anything misses its tolerance."""
    text = os.environ.get("METASPINE_TEST_DATA")
    data = Path(text) if text else None
    chapters = []
    for number, name in enumerate(CHAPTERS, start=1):
        print(f"{number} of {len(CHAPTERS)}: {name}", file=sys.stderr, flush=True)
        chapters.append(importlib.import_module(f"validation.{name}").chapter(data))
    with whole_file(PAGE) as temporary:
        temporary.write_text(page(chapters), encoding="utf-8")
    missed = [row for chapter in chapters for row in chapter.missed()]
    print(f"{PAGE.relative_to(ROOT)}: {len(missed)} values miss their tolerance", file=sys.stderr)
    return 1 if missed else 0


def page(chapters: list[Chapter]) -> str:
    """Return the page's Markdown."""
    head = (
        "# Validation\n\n"
        f"Made by `make validate` with metaspine {__version__}; nothing here is typed by hand. "
        "A value that misses its tolerance says so.\n"
    )
    return head + "".join(chapter.markdown() for chapter in chapters)


if __name__ == "__main__":
    sys.exit(main())
