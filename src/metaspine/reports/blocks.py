"""The pieces a page is made of: what is said, without how it looks. The template sets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Tone = Literal["stop", "caution", "note"]
Anchor = Literal["north-west", "north", "north-east", "west", "centre", "east", "south-west", "south", "south-east"]
LabelStyle = Literal["letter", "overlay", "tag", "axis", "axis-vertical"]


@dataclass(frozen=True)
class Notice:
    """Something the reader must see: a stop, a caution or a note."""

    tone: Tone
    title: str
    text: str
    evidence: str = ""
    kind: str = field(default="notice", init=False)


@dataclass(frozen=True)
class Remark:
    """One line of a list of cautions, with what it rests on."""

    text: str
    evidence: str = ""


@dataclass(frozen=True)
class Remarks:
    """Cautions that stop nothing, one a line in one frame."""

    title: str
    remarks: tuple[Remark, ...]
    kind: str = field(default="remarks", init=False)


@dataclass(frozen=True)
class KeyNumber:
    """One number of the row that is read first, with what it is and what bounds it."""

    label: str
    value: str
    note: str = ""
    alarm: bool = False


@dataclass(frozen=True)
class KeyNumbers:
    """The row of numbers that is read first."""

    numbers: tuple[KeyNumber, ...]
    kind: str = field(default="key-numbers", init=False)


@dataclass(frozen=True)
class Fact:
    """A named value and what the reader should know about it."""

    label: str
    value: str
    note: str = ""
    alarm: bool = False


@dataclass(frozen=True)
class Facts:
    """Named values, one a line."""

    title: str
    facts: tuple[Fact, ...]
    kind: str = field(default="facts", init=False)


@dataclass(frozen=True)
class Table:
    """Rows under column titles.

    Parameters
    ----------
    widths
        One a column, in shares of the text width.
    numeric
        Columns that are set flush right.
    caption
        Conventions that hold for the whole table.
    empty
        What stands there instead when there is no row.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    numeric: tuple[int, ...] = ()
    caption: str = ""
    empty: str = "none"
    small: bool = False
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Source:
    """One entry of the annex: its short name, what it says, what it rests on."""

    name: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Annex:
    """Lists of sources in two narrow columns, each list under its title."""

    lists: tuple[tuple[str, tuple[Source, ...]], ...]
    caption: str
    kind: str = field(default="annex", init=False)


@dataclass(frozen=True)
class Label:
    """A few letters on a picture, set by the template so that they are text in the page.

    Parameters
    ----------
    x, y
        Place of the anchor, in shares of the picture's width and height from its upper left corner.
    anchor
        The point of the letters that lies there.
    colour
        Of the letters, as #rrggbb; empty is the style's own.
    """

    text: str
    x: float
    y: float
    anchor: Anchor = "centre"
    style: LabelStyle = "overlay"
    colour: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawing without letters (an SVG file beside the template) and the letters that belong on it."""

    name: str
    svg: bytes
    width_mm: float
    height_mm: float
    labels: tuple[Label, ...]
    title: str
    caption: str = ""


@dataclass(frozen=True)
class LegendEntry:
    """What a line on the pictures means."""

    text: str
    colour: str
    dash: str = "solid"
    width_pt: float = 1.2


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side with one legend."""

    title: str
    pictures: tuple[Picture, ...]
    columns: int
    legend: tuple[LegendEntry, ...] = ()
    caption: str = ""
    kind: str = field(default="gallery", init=False)


Block = Notice | Remarks | KeyNumbers | Facts | Table | Annex | Gallery


@dataclass(frozen=True)
class Page:
    """A page with its heading; long contents flow onto a further sheet, a page that ``follows`` begins on the same."""

    heading: str
    blocks: tuple[Block, ...]
    standfirst: str = ""
    follows: bool = False


@dataclass(frozen=True)
class Document:
    """A whole report.

    Parameters
    ----------
    band
        Stands in a band at the top of every page where the plan must not be used; empty where nothing stops it.
    """

    title: str
    subtitle: str
    band: str
    disclaimer: str
    identity: str
    date: str
    version: str
    pages: tuple[Page, ...]
