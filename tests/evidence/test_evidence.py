"""Evidence: every statement has a reference, every id that the rules use exists, every conflict is stated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metaspine.assessment.tables import rule_parts, rules, table_names
from metaspine.errors import InputError
from metaspine.evidence import Confidence, bibliography, entries, look_up
from metaspine.evidence import entries as all_entries
from metaspine.evidence.markdown import evidence_markdown

SOURCE = Path(__file__).parent.parent.parent / "src" / "metaspine"
FAMILIES = (
    "SINS|LEVEL|ESCC|KPS|NEURO|DDX|TOKU|TOMITA|BAUER|NOMS|RAD|URG|STER|"
    "SURG|GOC|RT|SBRT|MUT|IORT|KYPHO|REC|BED|RBE|RERT|G1|"
    "IMG|BONE|CCI|PAIN|TIMING|VOL|TOX|VCF|AE|WFNS|UNTREATED|SORG|HYTEC|"
    "FHIR|CDS"
)
USED = re.compile(rf"(?<![\w-])(?:(?:{FAMILIES})-[0-9][0-9A-Z]*|SCORE(?:-[A-Z0-9]+)+)\b")


@pytest.mark.parametrize("identifier", sorted(all_entries()))
def test_every_statement_is_grounded(identifier: str) -> None:
    entry = look_up(identifier)
    assert entry.statement.strip()
    assert entry.references
    assert set(entry.references) <= bibliography().keys()
    assert isinstance(entry.confidence, Confidence)
    assert not entry.conflict or entry.conflict in entries()


@pytest.mark.parametrize("name", sorted(bibliography()))
def test_every_reference_has_a_citation(name: str) -> None:
    assert len(bibliography()[name].citation) > 10


def test_conventions_are_said_to_be_ours() -> None:
    for entry in entries().values():
        if re.match(USED, entry.id) and entry.references == ("project",):
            assert entry.confidence in (Confidence.CONVENTION, Confidence.COMPUTED), entry.id


@pytest.mark.parametrize("room", ["assessment", "patient", "exchange", "physics", "cli", "server"])
def test_every_rule_that_code_and_data_name_exists(room: str) -> None:
    paths = [path for path in (SOURCE / room).rglob("*") if path.suffix in (".py", ".yaml")]
    named = {name for path in paths for name in USED.findall(path.read_text(encoding="utf-8"))}
    unknown = named - entries().keys()
    assert unknown <= RULES_OF_TABLES, sorted(unknown - RULES_OF_TABLES)


RULES_OF_TABLES = {
    *("URG-15", "URG-16", *(f"URG-2{n}" for n in range(6)), "STER-08", "AGE-01"),
    *(rule.id for name, part in rule_parts() if name in table_names("pathway") for rule in rules(name, part)),
}
"""Names of rows in a decision table; what each rests on stands beside it as its evidence."""


def test_unknown_evidence() -> None:
    with pytest.raises(InputError, match="no evidence entry NOPE-1"):
        look_up("NOPE-1")


def test_the_page_of_all_evidence_is_the_generated_one() -> None:
    page = SOURCE.parent.parent / "docs" / "evidence.md"
    assert page.read_text(encoding="utf-8") == evidence_markdown(), (
        "run: metaspine evidence --markdown > docs/evidence.md"
    )


def test_the_page_holds_every_entry_conflict_and_reference() -> None:
    page = evidence_markdown()
    for name in (*entries(), *bibliography()):
        assert f"| {name} |" in page or f"### {name}" in page, name
