"""``metaspine fhir`` and ``metaspine serve``: files in, files out, and what to do where something is missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fhir_schema import faults
from typer.testing import CliRunner

from metaspine.cli import serve as serving
from metaspine.cli.app import app
from metaspine.cli.fhir import fhir_command
from metaspine.cli.serve import serve_command
from metaspine.errors import InputError, PolicyError
from metaspine.exchange.case_file import read_case

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def run(*words: str) -> str:
    result = CliRunner().invoke(app, [*words])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_case_file_becomes_a_bundle_and_comes_back(tmp_path: Path) -> None:
    bundle, back = tmp_path / "bundle.json", tmp_path / "case.yaml"
    case = EXAMPLES / "t12" / "case.yaml"
    assert "Decision support for research" in run("fhir", str(case), "--to", str(bundle))
    assert faults(json.loads(bundle.read_text("utf-8"))) == []
    run("fhir", str(bundle), "--to", str(back))
    first, second = read_case(case), read_case(back)
    assert (first.patient, first.oncology, first.lesions) == (second.patient, second.oncology, second.lesions)


def test_a_bundle_becomes_a_case_file_and_says_what_it_did_not_use(tmp_path: Path) -> None:
    back = tmp_path / "case.yaml"
    output = run("fhir", str(EXAMPLES / "fhir" / "bundle.json"), "--to", str(back))
    assert "Observation/calcium" in output
    assert read_case(back).lesions[0].escc == "2"


def test_the_advice_becomes_a_bundle(tmp_path: Path) -> None:
    bundle = tmp_path / "advice.json"
    run("fhir", str(EXAMPLES / "t12" / "case.yaml"), "--advice", "--to", str(bundle))
    document = json.loads(bundle.read_text("utf-8"))
    assert faults(document) == []
    assert {entry["resource"]["resourceType"] for entry in document["entry"]} >= {"CarePlan", "Observation"}


def test_the_advice_follows_the_centres_policy(tmp_path: Path) -> None:
    policy, case, bundle = tmp_path / "policy.yaml", tmp_path / "case.yaml", tmp_path / "advice.json"
    policy.write_text("centre: A\nversion: '1'\nchoices:\n  CONFLICT-SCLC: s2_resistant\n", "utf-8")
    case.write_text("oncology: {primary: sclc, histology_confirmed: true}\nlesion: {level: T8, escc: '1a'}\n", "utf-8")
    run("fhir", str(case), "--advice", "--policy", str(policy), "--to", str(bundle))
    text = bundle.read_text("utf-8")
    assert "Followed: s2_resistant, the centre's choice." in text
    assert "Policy: A, version 1: departs from the default in 1 of 13 conflicts" in text


def test_a_bundle_is_assessed_like_a_case_file() -> None:
    document = json.loads(run("assess", str(EXAMPLES / "fhir" / "bundle.json"), "--json"))
    assert document["noms"]["recommendation"] == "SEP_SURG_THEN_SRS"
    assert any("FHIR-12" in note["evidence"] for note in document["explanation"]["notes"])


@pytest.mark.parametrize(("name", "advice"), [("x.txt", False), ("x.yaml", True)])
def test_an_ending_that_says_nothing(tmp_path: Path, name: str, advice: bool) -> None:
    with pytest.raises(InputError, match=r"says nothing about the form.*\.json for a FHIR bundle"):
        fhir_command(EXAMPLES / "t12" / "case.yaml", tmp_path / name, advice=advice)


def test_serving_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"fastapi and uvicorn not installed.*pip install 'metaspine\[server\]'"):
        serve_command("127.0.0.1", 8000)


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("0.0.0.0", True)])  # noqa: S104 - nothing is served
def test_serving_starts_the_application(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, warned: bool
) -> None:
    import uvicorn

    started: dict[str, object] = {}
    monkeypatch.setattr(uvicorn, "run", lambda name, **options: started.update(options, name=name))
    serve_command(host, 8123)
    assert started == {"name": "metaspine.server.app:served_app", "factory": True, "host": host, "port": 8123}
    assert ("TLS" in capsys.readouterr().err) is warned


def test_serving_under_a_policy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import uvicorn

    file = tmp_path / "policy.yaml"
    file.write_text("centre: Here\nchoices: {CONFLICT-SCLC: s2_resistant}\n")
    found: list[str | None] = []
    monkeypatch.setenv("METASPINE_POLICY", "another")
    monkeypatch.setattr(uvicorn, "run", lambda *_, **__: found.append(os.environ["METASPINE_POLICY"]))
    serve_command("127.0.0.1", 8123, file)
    assert found == [str(file)]
    assert "Policy: Here: departs from the default in 1 of" in capsys.readouterr().err
    file.write_text("centre: Here\nchoices: {CONFLICT-SCLC: none}\n")
    with pytest.raises(PolicyError, match="is no side"):
        serve_command("127.0.0.1", 8123, file)
    assert len(found) == 1
    serve_command("127.0.0.1", 8123)
    assert found[1:] == [""]
    assert "Policy: the defaults" in capsys.readouterr().err
