"""docs/interchange.md: its Python runs, its commands exist, its card is the program's."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metaspine.cli.app import app
from metaspine.evidence import entries
from metaspine.server.cds_hooks import SERVICES, answer

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "interchange.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def test_the_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    (code,) = blocks("python")
    exec(compile(code, "docs/interchange.md", "exec"), {})  # noqa: S102 - our own document


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    for line in blocks("console")[0].splitlines():
        result = CliRunner().invoke(app, shlex.split(line)[1:])
        assert result.exit_code == 0, f"{line}: {result.output}"
    assert (tmp_path / "advice.json").is_file()


def test_the_card_is_the_programs() -> None:
    resources = [
        entry["resource"] for entry in json.loads((ROOT / "examples/fhir/bundle.json").read_text("utf-8"))["entry"]
    ]
    signs = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "urn:metaspine:fact", "code": "neuro.myelopathy"}]},
        "valueBoolean": True,
    }
    conditions = {"resourceType": "Bundle", "entry": [{"resource": one} for one in (*resources[1:], signs)]}
    found = answer(
        "metaspine-patient-view",
        {
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "context": {"userId": "Practitioner/1", "patientId": "p1"},
            "prefetch": {"patient": resources[0], "conditions": conditions, "observations": None, "procedures": None},
        },
    )["cards"][0]
    (shown,) = (json.loads(block) for block in blocks("json"))
    assert {key: found[key] for key in shown} == shown


def test_what_the_text_names_exists() -> None:
    for name in SERVICES:
        assert f"/cds-services/{name}" in TEXT
    assert set(re.findall(r"\b(?:FHIR|CDS)-\d\d\b", TEXT)) <= entries().keys()
