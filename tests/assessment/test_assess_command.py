"""``metaspine assess``, ``schema`` and ``evidence`` as a user meets them."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from cases import known
from worked_patients import PATIENTS, facts

from metaspine.cli import main

DISCLAIMER = "Decision support for research; multidisciplinary review required."
BY_ID = {patient["id"]: patient for patient in PATIENTS}


def metaspine(*words: str | Path, code: int = 0, width: int = 100) -> str:
    """What the program prints, run within this process: test_assess_page and test_commands start it anew."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in {"COLUMNS": str(width), "TERM": "dumb", "NO_COLOR": "1"}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["metaspine", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code, err.getvalue()
    return out.getvalue() if code == 0 else err.getvalue()


def page_of(name: str, folder: Path) -> str:
    path = folder / "case.json"
    path.write_text(json.dumps(facts(BY_ID[name])), encoding="utf-8")
    return metaspine("assess", path)


def flat(page: str) -> str:
    return re.sub(r"\s+", " ", page)


def test_the_page_of_an_excluded_patient(example_folder: Path) -> None:
    page = metaspine("assess", example_folder / "l1" / "case.yaml")
    text = flat(page)
    assert page.count(DISCLAIMER) == 2
    assert max(map(len, page.splitlines())) <= 100
    assert "male, 71 years, renal cell carcinoma" in text
    assert "NOT eligible" in text
    assert "✗ the tumour infiltrates the pedicle PEDICLE_INFILTRATION IORT-06 [S]" in text
    assert "SINS 9 of 18, indeterminate (potentially unstable)" in text
    assert "location 3, pain 3, bone lesion 2, alignment 0, body collapse 0, posterior elements 1" in text
    assert "stabilisation, then stereotactic radiosurgery STAB_THEN_SRS" in text
    assert "[C] convention of the project" in text


def test_the_page_names_the_policy_that_it_follows(example_folder: Path) -> None:
    case, policy = example_folder / "l1" / "case.yaml", example_folder / "board-policy.yaml"
    text = flat(metaspine("assess", case, "--policy", policy))
    stamp = "Example Hospital, spine tumour board, version 2026-1: departs from the default in 2 of 13 conflicts."
    assert f"Policy where the sources disagree: {stamp}" in text
    assert "Policy where the sources disagree: the defaults." in flat(metaspine("assess", case))


def test_the_page_says_what_is_missing(tmp_path: Path) -> None:
    text = flat(page_of("DEV-020", tmp_path))
    assert "no decision without the ESCC grade (MRI) INSUFFICIENT_DATA" in text
    assert "SINS 3 to 15 of 18, not determinable" in text
    assert "? ESCC grade (MRI) lesion.escc" in text
    assert "urgent: MRI within 48 h" in text
    assert "no score: items are missing (between 9 and 13 of 15)" in text


def test_the_page_shows_a_conflict_and_prefers_nothing(tmp_path: Path) -> None:
    text = flat(page_of("DEV-025", tmp_path))
    assert "the lists conflict" in text
    assert "none is preferred" in text
    assert "or conventional external-beam radiotherapy CEBRT or stereotactic radiosurgery SRS" in text


def test_the_page_shows_what_was_normalised(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("oncology: {primary: breast}\nlesions: [{level: T8, escc: 2c}, {level: S1}]\n", encoding="utf-8")
    text = flat(metaspine("assess", path))
    assert "lesions[0].escc: the ESCC grade 2c does not exist" in text
    assert "2 lesions, each judged alone; T8 decides for the patient" in text


def test_the_page_says_that_unknown_neurology_could_make_it_an_emergency(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    lesion = "oncology: {primary: prostate}\nlesion: {level: T8, escc: '3'}\n"
    path.write_text(lesion + "neuro: {asia: A, myelopathy: false}\n", encoding="utf-8")
    text = flat(metaspine("assess", path))
    assert "an EMERGENCY if there are cord signs; not known: presentation, cauda equina syndrome" in text
    assert "only without cord signs; not known: presentation, cauda equina syndrome" in text
    assert "grade A beside ESCC 2-3" in text
    known = "neuro: {presentation: local_pain, myelopathy: false, cauda_equina: false}\n"
    path.write_text(lesion + known, encoding="utf-8")
    text = flat(metaspine("assess", path))
    assert "urgent: treatment within 72 h, MRI before it" in text
    assert "cord signs; not known" not in text


def test_eligible_with_unknown_neurology_says_so(tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    unknown = dict.fromkeys(("neuro__presentation", "neuro__myelopathy", "neuro__cauda_equina"))
    path.write_text(json.dumps(known(**unknown)), encoding="utf-8")
    said = "as far as is known; not known, and could exclude: presentation, myelopathy, cauda equina syndrome"
    assert said in flat(metaspine("assess", path))
    path.write_text(json.dumps(known()), encoding="utf-8")
    text = flat(metaspine("assess", path))
    assert text.count("IORT with eligible") == 2
    assert "as far as is known" not in text


def test_the_page_of_a_level_alone_blames_no_source_for_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("oncology: {primary: breast}\nlesion: {level: T8}\npostop: {contiguous_levels: 2}\n", "utf-8")
    text = flat(metaspine("assess", path))
    assert "How fast cannot be judged yet" in text
    assert "stereotactic radiotherapy after surgery: cannot be decided yet" in text
    path.write_text("oncology: {primary: breast}\nlesion: {level: T8}\npostop: {asia: A}\n", "utf-8")
    assert "stereotactic radiotherapy after surgery: no candidate" in flat(metaspine("assess", path))


@pytest.mark.parametrize("patient", PATIENTS[::6], ids=lambda patient: patient["id"])
def test_json_is_the_document(patient: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "case.json"
    path.write_text(json.dumps(facts(patient)), encoding="utf-8")
    found = json.loads(metaspine("assess", path, "--json", width=40))
    assert found["sins"] == patient["expected"]["sins"]  # type: ignore[index]
    assert found["explanation"]["disclaimer"] == DISCLAIMER


def test_a_bad_case_is_one_clear_message(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("oncology: {primary: breast}\nlesion: {level: T8, escc: '>3'}\n", encoding="utf-8")
    said = flat(metaspine("assess", path, code=4))
    assert "lesion.escc" in said
    assert "'>3' is not one of its words" in said
    assert "Traceback" not in said


def test_the_schema_is_printed() -> None:
    assert json.loads(metaspine("schema", width=40))["title"] == "metaspine case"


def test_evidence_is_shown_with_its_references_and_its_conflict() -> None:
    text = flat(metaspine("evidence", "SURG-11"))
    assert "Cement augmentation" in text
    assert "S - stated in a source paper" in text
    assert "Jaipanya" in text
    assert "CONFLICT-CEMENT" in text
    assert "Krauss" in metaspine("evidence", "S0")


def test_unknown_evidence_names_the_nearest() -> None:
    assert "IORT-06" in metaspine("evidence", "iort-6", code=4)


def test_assess_starts_without_the_dose_engines(example_folder: Path) -> None:
    script = (
        "import sys; from metaspine.cli.assess import assess_command; from pathlib import Path; "
        f"assess_command(Path({str(example_folder / 't12' / 'case.yaml')!r}), policy=None, to=None, json_output=True); "
        "heavy = {'numba', 'scipy', 'matplotlib', 'numpy', 'pydicom', 'nibabel', 'typst'} & set(sys.modules); "
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
