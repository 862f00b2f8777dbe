"""The tables and rules of the assessment, read once from the YAML files in ``assessment/data``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from metaspine.assessment.rules import RuleList, rules_from
from metaspine.evidence.shipped import shipped_table

FOLDERS = ("", "scores", "pathway")
"""Where tables lie below ``assessment/data``; a name is unique over all of them."""


@cache
def table(name: str) -> Mapping[str, Any]:
    """Return the table of a name, e.g. "noms" or "tokuhashi_revised"."""
    content: Mapping[str, Any] = _read(_files()[name])
    return content


@cache
def table_names(folder: str | None = None) -> tuple[str, ...]:
    """Return the names of all tables, or of those of one folder, in the order of the alphabet."""
    return tuple(sorted(name for name, path in _files().items() if folder is None or path.startswith(f"{folder}/")))


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Return the plain words for every code, by section: all ``words*.yaml`` together.

    Raises
    ------
    ValueError
        When two files give words for the same code.
    """
    found: dict[str, dict[str, str]] = {}
    for name in sorted(_names("")):
        if not name.startswith("words"):
            continue
        for section, codes in _read(f"{name}.yaml").items():
            known = found.setdefault(section, {})
            twice = known.keys() & codes.keys()
            if twice:
                raise ValueError(f"words for {section} {sorted(twice)} stand in two files")
            known.update(codes)
    return found


@cache
def rules(name: str, part: str) -> RuleList:
    """Return the rules of one part of a table, in their order.

    A table's ``strength`` gives each part the weight of its rules; a rule may state its own.
    """
    content = table(name)
    return rules_from(content[part], f"{name}.{part}", content.get("strength", {}).get(part, "inform"))


@cache
def rule_parts() -> tuple[tuple[str, str], ...]:
    """Return every part of every table that is a list of rules, as table and part."""
    return tuple(
        (name, part)
        for name in table_names()
        for part, content in table(name).items()
        if isinstance(content, list) and content and isinstance(content[0], dict) and "when" in content[0]
    )


@cache
def _files() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for folder in FOLDERS:
        for name in _names(folder):
            if not name.startswith("words"):
                if name in found:
                    raise ValueError(f"two tables are called {name}")
                found[name] = f"{folder}/{name}.yaml" if folder else f"{name}.yaml"
    return found


def _names(folder: str) -> list[str]:
    place = files("metaspine.assessment") / "data"
    place = place / folder if folder else place
    return (
        [item.name.removesuffix(".yaml") for item in place.iterdir() if item.name.endswith(".yaml")]
        if place.is_dir()
        else []
    )


def _read(path: str) -> Any:
    return shipped_table("metaspine.assessment", path)
