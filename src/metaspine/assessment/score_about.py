"""What a score is made of, for a reader: its items with their points, its bands, its direction and what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metaspine.assessment.score_shapes import survival
from metaspine.assessment.score_tables import ScoreTable, score_table
from metaspine.assessment.tables import table as table_of
from metaspine.assessment.tables import words
from metaspine.assessment.wording import in_words
from metaspine.patient.instability import sins_table


@dataclass(frozen=True)
class ItemAbout:
    """One item of a score, and the points of each of its findings, in words."""

    name: str
    points: tuple[tuple[str, str], ...]
    """A finding and its points; several points where the publication or the finding leaves them open."""


@dataclass(frozen=True)
class BandAbout:
    """What a total, a class or a grade means."""

    code: str
    totals: str
    """The totals of the band; empty for a class or a grade."""
    survival: str
    """What was published for it, with its confidence."""


@dataclass(frozen=True)
class ScoreAbout:
    """A score as its table describes it."""

    name: str
    title: str
    of: str
    """patient or lesion: whom it belongs to."""
    state: str
    """computed, external, switched_off or not_applicable."""
    because: str
    """Why metaspine does not compute it; empty where it does."""
    items: tuple[ItemAbout, ...]
    bands: tuple[BandAbout, ...]
    range: tuple[float, float] | None
    higher_is_better: bool | None
    warnings: tuple[str, ...]
    evidence: tuple[str, ...]
    needs: tuple[str, ...]
    """Keys of the case file without which it cannot be computed at all."""


def about(name: str) -> ScoreAbout:
    """Return what a score is made of.

    Raises
    ------
    InputError
        When there is no score of that name; the message names the nearest ones.
    """
    table = score_table(name)
    content = table.content
    return ScoreAbout(
        name=name,
        title=in_words("score", name),
        of=content["of"],
        state=content.get("state", "computed"),
        because=content.get("because", ""),
        items=tuple(_items(table)),
        bands=tuple(_bands(table)),
        range=tuple(content["range"]) if "range" in content else None,
        higher_is_better=content["higher_is_better"],
        warnings=tuple(content.get("warnings", ())),
        evidence=tuple(dict.fromkeys(_evidence(content))),
        needs=tuple(content.get("needs", ())),
    )


def _evidence(content: Mapping[str, Any]) -> Iterator[str]:
    yield from content["evidence"]
    for part in ("not_in_table", "unknown_primary"):
        yield from content.get(part, {}).get("evidence", ())
    for entry in (*content.get("warn_when", ()), *content.get("survival", {}).values()):
        yield entry["evidence"]
    yield from (entry["ambiguous"] for entry in content.get("items", {}).values() if "ambiguous" in entry)


def _items(table: ScoreTable) -> Iterator[ItemAbout]:
    content = table.content
    if table.name == "sins":
        for name, item in sins_table()["items"].items():
            yield ItemAbout(name, tuple((_plain(word), _range(points)) for word, points in item["points"].items()))
    for name, entry in content.get("items", {}).items():
        yield ItemAbout(name, tuple(_findings(entry)))
    for name, entry in content.get("inputs", {}).items():
        yield ItemAbout(name, ((fact_in_words(entry["fact"]), _limits(entry)),))


def _limits(entry: Mapping[str, Any]) -> str:
    if "limits" not in entry:
        return ""
    least, most = entry["limits"]
    return f"{least:g} to {most:g} {entry.get('unit', '')}".strip()


def _findings(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for word, points in entry.get("words", {}).items():
        yield _plain(word), _range(points)
    if "otherwise" in entry:
        yield "any other", _range(entry["otherwise"])
    for step in entry.get("bins", ()):
        end = f"up to {step['most']:g}" if "most" in step else f"below {step['below']:g}" if "below" in step else "more"
        yield end, _range(step["points"])
    if "value" in entry:
        yield "its own value", f"{entry['value'][0]:g} to {entry['value'][1]:g}"
    if "each" in entry:
        yield "each", f"{entry['each']:g}"
    for rule in entry.get("rules", ()):
        parts = [part for part in (rule.get("when", {}), *rule.get("any_of", ())) if part]
        yield " or ".join(_conditions(part) for part in parts) or "otherwise", _range(rule["points"])


def _bands(table: ScoreTable) -> Iterator[BandAbout]:
    content = table.content
    if table.name == "sins":
        for band in table_of("sins")["categories"]:
            yield BandAbout(f"sins_{band['name']}", f"{band['from']} to {band['to']}", "")
    for band in content.get("bands", ()):
        yield BandAbout(band["name"], _totals(band), survival(table, band["name"])[0])
    classes = content.get("classes", ())
    for each in classes:
        conditions = " or ".join(_conditions(part) for part in each["any_of"])
        yield BandAbout(each["name"], conditions, survival(table, each["name"])[0])
    for code in (*content.get("grades", {}).get("codes", {}).values(), *_codes(content)):
        yield BandAbout(code, "", "")


def _codes(content: Mapping[str, Any]) -> list[str]:
    codes = content.get("codes", ())
    named = list(codes.values()) if isinstance(codes, dict) else list(codes)
    return [*named, *(row["name"] for row in content.get("rows", ()))]


def _totals(band: Mapping[str, Any]) -> str:
    if "from" not in band:
        return f"{band['to']} or less"
    if "to" not in band:
        return f"{band['from']} or more"
    return str(band["from"]) if band["from"] == band["to"] else f"{band['from']} to {band['to']}"


def _conditions(part: Mapping[str, Any]) -> str:
    return ", ".join(f"{fact_in_words(fact)} {_asked(wanted)}" for fact, wanted in part.items())


def _asked(wanted: Any) -> str:
    if not isinstance(wanted, dict):
        return " or ".join(_plain(word) for word in (wanted if isinstance(wanted, list) else [wanted]))
    ((operator, bound),) = wanted.items()
    return f"{operator.replace('_', ' ')} {_plain(bound)}"


def fact_in_words(fact: str) -> str:
    """Return the plain words for a fact: a key of the case file, or what several keys make up."""
    section = "key" if fact in words()["key"] else "score_fact"
    return in_words(section, fact)


def _plain(word: Any) -> str:
    if isinstance(word, bool):
        return "yes" if word else "no"
    for section in ("primary", "comorbidity", "frailty_finding"):
        if word in words()[section]:
            return in_words(section, word)
    return str(word).replace("_", " ")


def _range(points: Any) -> str:
    if points is None:
        return "not in the table"
    return " or ".join(f"{number:g}" for number in points) if isinstance(points, list) else f"{points:g}"
