"""A chapter of the validation page: tables of measured values beside what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """Rows of text; the last column is the verdict where the table has one."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        lines = [" | ".join(self.header), " | ".join("---" for _ in self.header)]
        lines += [" | ".join(row) for row in self.rows]
        return f"\n{self.caption}\n\n" + "".join(f"| {line} |\n" for line in lines)


PASS, MISS = "pass", "**falls short**"


def verdict(holds: bool) -> str:
    """Return the word for a value inside or outside its tolerance."""
    return PASS if holds else MISS


@dataclass(frozen=True)
class Chapter:
    """A title, what is compared with what, and the tables."""

    title: str
    text: str
    tables: tuple[Table, ...] = field(default=())

    def markdown(self) -> str:
        """Return the chapter in Markdown."""
        return f"\n## {self.title}\n\n{self.text.strip()}\n" + "".join(table.markdown() for table in self.tables)

    def missed(self) -> list[tuple[str, ...]]:
        """Return the rows whose verdict is that they fall short."""
        return [row for table in self.tables for row in table.rows if MISS in row]
