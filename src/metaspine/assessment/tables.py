"""The tables and rules of the assessment, read once from the YAML files in ``assessment/data``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from metaspine.assessment.rules import Rule, rules_from

TABLES = (
    "bauer_modified",
    "escc",
    "iort",
    "noms",
    "postoperative",
    "radiosensitivity",
    "sins",
    "tokuhashi_revised",
    "tomita",
    "treatment",
    "urgency",
    "words",
)


@cache
def table(name: str) -> Mapping[str, Any]:
    """Return the table of a name."""
    text = (files("metaspine.assessment") / "data" / f"{name}.yaml").read_text(encoding="utf-8")
    content: Mapping[str, Any] = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return content


@cache
def rules(name: str, part: str) -> tuple[Rule, ...]:
    """Return the rules of one part of a table, in their order."""
    return rules_from(table(name)[part])
