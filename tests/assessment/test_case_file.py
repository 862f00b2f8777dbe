"""Case files: what is read, what is normalised with a note, and what is refused with one clear message."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from cases import KNOWN, known
from hypothesis import given, settings
from hypothesis import strategies as st
from worked_patients import PATIENTS, facts

from metaspine.assessment import assess
from metaspine.errors import CaseError
from metaspine.exchange.case_file import case_from_document, read_case
from metaspine.patient.case import PriorRadiotherapy

BASE = "oncology: {primary: breast}\nlesion: {level: T12}\n"


def written(folder: Path, text: str | bytes, name: str = "case.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(folder: Path, text: str | bytes, name: str = "case.yaml") -> CaseError:
    with pytest.raises(CaseError) as caught:
        read_case(written(folder, text, name))
    assert caught.value.remedy, "the message does not say what to do"
    assert name in caught.value.where
    return caught.value


def refused(**changes: Any) -> CaseError:
    with pytest.raises(CaseError) as caught:
        case_from_document(known(**changes))
    assert caught.value.remedy
    return caught.value


def test_the_examples_read(example_folder: Path) -> None:
    for place in ("t12", "l1"):
        case = read_case(example_folder / place / "case.yaml")
        assert case.lesions[0].level == place.upper()
        assert case.notes == ()


@pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient["id"])
def test_yaml_and_json_say_the_same(patient: dict[str, Any], tmp_path: Path) -> None:
    as_json = written(tmp_path, json.dumps(facts(patient)), "case.json")
    as_yaml = written(tmp_path, yaml.safe_dump(facts(patient)))
    nameless = written(tmp_path, json.dumps(facts(patient)), "case")
    assert read_case(as_json) == read_case(as_yaml) == read_case(nameless)


def test_null_and_absent_are_unknown_and_false_is_not() -> None:
    case = case_from_document(
        {"oncology": {"primary": "other"}, "lesion": {"level": "S1", "pain": None}, "neuro": None}
    )
    assert case.lesions[0].pain is None
    assert case.neuro.myelopathy is None
    assert case.lesions[0].prior_rt_at_level is None
    assert case_from_document(known()).lesions[0].prior_rt_at_level is False
    assert case.version == "1.1"


@pytest.mark.parametrize("version", ['"1.0"', "1.0", '"1.1"', "1.1", "null"])
def test_known_versions(version: str, tmp_path: Path) -> None:
    assert read_case(written(tmp_path, f"{BASE}version: {version}\n")).version == "1.1"


@pytest.mark.parametrize("version", ["2.0", '"1.2"', "true", "[1]"])
def test_unknown_versions_are_refused(version: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, f"{BASE}version: {version}\n")
    assert "version" in error.where
    assert "1.1" in str(error)


@pytest.mark.parametrize("grade", ["2a", "2b", "2c"])
def test_grades_that_do_not_exist_are_read_as_2_with_a_note(grade: str) -> None:
    case = case_from_document(known(lesion__escc=grade) | {"postop": {"residual_escc": grade}})
    assert case.lesions[0].escc == "2"
    assert case.postop is not None
    assert case.postop.residual_escc == "2"
    assert [(note.key, note.evidence) for note in case.notes] == [
        ("lesion.escc", "ESCC-02"),
        ("postop.residual_escc", "ESCC-02"),
    ]
    assert grade in case.notes[0].message


@pytest.mark.parametrize("grade", [">3", "1", ">2c", "4", "1A", 2, 0, 1.0, True])
def test_impossible_grades_are_refused_and_none_is_suggested(grade: Any) -> None:
    error = refused(lesion__escc=grade)
    assert "lesion.escc" in error.where
    assert repr(grade) in error.what
    assert '"0", "1a", "1b", "1c", "2", "3"' in error.remedy
    assert "Did you mean" not in error.remedy


def test_the_cord_in_place_of_the_thecal_sac_is_noted() -> None:
    case = case_from_document(known(lesion__prior_rt_at_level={"dose_gy": 30, "fractions": 10, "cord_dmax_gy": 29}))
    prior = case.lesions[0].prior_rt_at_level
    assert isinstance(prior, PriorRadiotherapy)
    assert prior.thecal_sac_dmax_gy == 29
    assert [note.evidence for note in case.notes] == ["RERT-02"]
    both = {"cord_dmax_gy": 29, "thecal_sac_dmax_gy": 30}
    assert "both" in refused(lesion__prior_rt_at_level=both).what


@pytest.mark.parametrize(
    ("changes", "key", "found", "said"),
    [
        ({"patient__age_years": 680}, "patient.age_years", "680", "years"),
        ({"patient__age_years": "68 years"}, "patient.age_years", "68 years", "without its unit"),
        ({"patient__age_years": "68"}, "patient.age_years", "'68'", "without quotes"),
        ({"patient__kps": 75}, "patient.kps", "75", "in tens"),
        ({"patient__kps": 110}, "patient.kps", "110", "100"),
        ({"patient__kps": 0.8}, "patient.kps", "0.8", "whole number"),
        ({"patient__ecog": 6}, "patient.ecog", "6", "5"),
        ({"patient__ecog": True}, "patient.ecog", "True", "whole number"),
        ({"patient__expected_survival_months": -1}, "patient.expected_survival_months", "-1", "months"),
        ({"patient__expected_survival_months": float("nan")}, "expected_survival_months", "nan", "null"),
        ({"neuro__symptom_duration_days": float("inf")}, "neuro.symptom_duration_days", "inf", "null"),
        ({"patient__pregnant": 1}, "patient.pregnant", "1", "true or false"),
        ({"patient__pregnant": "no"}, "patient.pregnant", "'no'", "true or false"),
        ({"patient__sex": "female"}, "patient.sex", "female", "F, M"),
        ({"oncology__primary": "brest"}, "oncology.primary", "brest", "Did you mean breast?"),
        ({"oncology__primary": None}, "oncology.primary", "None", "unknown"),
        ({"oncology__visceral_mets": False}, "oncology.visceral_mets", "False", "none, removable, unremovable"),
        ({"oncology__vertebral_mets": -1}, "oncology.vertebral_mets", "-1", "0"),
        ({"lesion__level": "t12"}, "lesion.level", "t12", "C0 to S5"),
        ({"lesion__levels_involved": ["T8", "T14"]}, "lesion.levels_involved[1]", "T14", "T1"),
        ({"lesion__collapse": "50"}, "lesion.collapse", "50", "gt50"),
        ({"lesion__prior_rt_at_level": True}, "lesion.prior_rt_at_level", "True", "false for none"),
        ({"lesion__prior_rt_at_level": {"dose_gy": "30 Gy"}}, "prior_rt_at_level.dose_gy", "30 Gy", "without its unit"),
        ({"lesion__prior_rt_at_level": {"dose_gy": 3000}}, "prior_rt_at_level.dose_gy", "3000", "unit is Gy"),
        ({"lesion__prior_rt_at_level": {"dose": 30}}, "prior_rt_at_level.dose", "dose", "Did you mean dose_gy?"),
        ({"lesion__sins_total": 8}, "lesion.sins_total", "sins_total", "sins_reported_total"),
        ({"neuro__presentation": "asymptomatc"}, "neuro.presentation", "asymptomatc", "Did you mean asymptomatic?"),
        ({"neuro__asia": "e"}, "neuro.asia", "'e'", "A, B, C, D, E"),
    ],
)
def test_one_clear_message(changes: dict[str, Any], key: str, found: str, said: str) -> None:
    error = refused(**changes)
    assert key in error.where
    assert found in error.what
    assert said in error.remedy


@pytest.mark.parametrize(
    ("key", "written", "meant"),
    [
        ("lesion__level", "l1", "L1"),
        ("lesion__level", "Th12", "T12"),
        ("lesion__level", "D12", "T12"),
        ("lesion__level", "BWK 12", "T12"),
        ("lesion__pain", "Mechanical", "mechanical"),
        ("lesion__pain", "non mechanical", "occasional_non_mechanical"),
        ("oncology__primary", "myeloma", "multiple_myeloma"),
    ],
)
def test_another_spelling_is_recognised(key: str, written: str, meant: str) -> None:
    assert f"Did you mean {meant}?" in refused(**{key: written}).remedy


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("lesion__level", "L7"),
        ("lesion__level", "C8"),
        ("lesion__level", "S6"),
        ("lesion__level", "T14"),
        ("lesion__level", "L1/2"),
        ("lesion__level", 12),
        ("lesion__pain", "unknown"),
        ("lesion__pain", "not mechanical"),
        ("lesion__collapse", 50),
        ("lesion__collapse", ">50%"),
        ("lesion__alignment", "abnormal"),
        ("neuro__presentation", "symptomatic"),
        ("neuro__presentation", "pain"),
        ("neuro__asia", "D/E"),
    ],
)
def test_a_word_of_another_meaning_is_never_suggested(key: str, written: Any) -> None:
    assert "Did you mean" not in refused(**{key: written}).remedy


def test_a_key_that_is_like_none_gets_no_suggestion() -> None:
    with pytest.raises(CaseError, match="there is no key 'dates' here") as caught:
        case_from_document(known() | {"dates": {"assessment": "2026-01-31"}})
    assert caught.value.remedy.startswith("The keys are version, patient")


@pytest.mark.parametrize(
    ("changes", "what", "remedy"),
    [
        ({"lesion__kps": 80}, "no key 'kps'", "It belongs to patient."),
        ({"patient__expected_survival_months": "7,5"}, "'7,5'", "decimal point"),
        ({"lesion__prior_rt_at_level": True}, "True", "Write false for none"),
    ],
)
def test_what_to_do_fits_the_slip(changes: dict[str, Any], what: str, remedy: str) -> None:
    error = refused(**changes)
    assert what in error.what
    assert remedy in error.remedy
    assert "leave it out" not in error.remedy


@pytest.mark.parametrize(
    ("name", "text", "what", "remedy"),
    [
        (
            "case.yaml",
            "oncology: {primary: breast}\nlesion: [{level: T12}]\n",
            "level",
            "several lesions go into lesions",
        ),
        ("case.yaml", "oncology: {primary: breast}\nlesions: []\n", "holds nothing", "Write a list of lesions"),
        ("case.yaml", "oncology:\nlesion: {level: T12}\n", "None", "Write the section oncology"),
        ("case.yaml", "oncology:\n\tprimary: breast\n", "well-formed", "Indent with spaces"),
        ("case.yaml", BASE + "1: 2\n", "the key 1 is no word", "metaspine schema"),
        ("case.yaml", "a: \x00", "special characters", "plain keys"),
        ("case.json", '{"oncology": {"primary": "breast"}, // why\n}', "well-formed", "no comments"),
    ],
    ids=range(7),
)
def test_slips_of_form_are_explained_in_one_line(name: str, text: str, what: str, remedy: str, tmp_path: Path) -> None:
    error = refusal(tmp_path, text, name)
    assert what in error.what
    assert remedy in error.remedy
    assert "leave it out" not in error.remedy
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("changes", "key", "found"),
    [
        ({"patient__sex": "M", "patient__pregnant": True}, "patient.pregnant", "a man"),
        ({"neuro__presentation": "asymptomatic", "neuro__asia": "A"}, "neuro.asia", "complete deficit"),
        ({"lesion__level": "S3", "lesion__escc": "3"}, "lesion.escc", "ESCC 3 at S3"),
        ({"lesion__sins_reported_total": 9}, "lesion.sins_reported_total", "9 is stated, but its parts give 8"),
        ({"lesion__sins_reported_total": 12, "lesion__pain": None}, "sins_reported_total", "5 to 8"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], key: str, found: str) -> None:
    error = refused(**changes)
    assert key in error.where
    assert found in error.what


@pytest.mark.parametrize("total", [5, 8])
def test_a_stated_total_within_reach_of_its_parts_is_accepted(total: int) -> None:
    case = case_from_document(known(lesion__sins_reported_total=total, lesion__pain=None))
    assert case.lesions[0].sins_reported_total == total


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"oncology__primary": "unknown"}, "oncology.histology_confirmed"),
        ({"oncology__primary": "prostate"}, "oncology.primary"),
        ({"patient__kps": 30}, "patient.ecog"),
        ({"neuro__frankel": "D"}, "neuro.frankel"),
        ({"lesion__pain": "none"}, "lesion.nrs"),
        ({"lesion__level": "T13", "lesion__levels_involved": None}, "lesion.level"),
        ({"lesion__levels_involved": ["T10"]}, "lesion.levels_involved"),
        ({"neuro__presentation": "asymptomatic", "neuro__myelopathy": True}, "neuro.presentation"),
        ({"oncology__vertebral_mets": 0}, "oncology.vertebral_mets"),
        (
            {"lesion__escc": "2", "neuro__frankel": "C", "neuro__asia": None, "neuro__myelopathy": None},
            "neuro.myelopathy",
        ),
        ({"oncology__total_metastases_count": 0}, "oncology.total_metastases_count"),
        ({"neuro__asia": "A", "neuro__frankel": "A", "lesion__escc": "2"}, "neuro.ambulatory"),
    ],
)
def test_odd_facts_are_noted(changes: dict[str, Any], key: str) -> None:
    assert case_from_document(known()).notes == ()
    assert [note.key for note in case_from_document(known(**changes)).notes] == [key]


def test_the_note_on_no_vertebral_metastasis_says_what_is_done() -> None:
    (note,) = case_from_document(known(oncology__vertebral_mets=0)).notes
    assert "0 cannot be, and is not used" in note.message
    assert assess(case_from_document(known(oncology__vertebral_mets=0))).tokuhashi_revised.total is None


def test_a_neurological_grade_beside_denied_myelopathy_is_handled_not_refused() -> None:
    changes = {"neuro__presentation": "asymptomatic", "neuro__asia": "A", "neuro__frankel": "A", "lesion__escc": "3"}
    assert case_from_document(known(**changes)).neuro.asia == "A"


@pytest.mark.parametrize(
    ("sections", "found"),
    [({"lesion": {"level": "T8"}, "lesions": [{"level": "T9"}]}, "both"), ({}, "neither"), ({"lesions": []}, "[]")],
)
def test_one_lesion_or_a_list(sections: dict[str, Any], found: str) -> None:
    with pytest.raises(CaseError, match="lesion") as caught:
        case_from_document({"oncology": {"primary": "breast"}, **sections})
    assert found in str(caught.value)


def test_two_lesions_of_one_level() -> None:
    lesions = [{"level": "T8"}, {"level": "T8"}]
    with pytest.raises(CaseError, match="two lesions of T8"):
        case_from_document({"oncology": {"primary": "breast"}, "lesions": lesions})


LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "empty"),
        ("  \n# nothing but a remark\n", "mapping of sections"),
        ("- T12\n", "mapping of sections"),
        (BASE.encode("utf-16"), "not UTF-8"),
        (b"oncology: {primary: br\xe9ast}", "not UTF-8"),
        (BASE + "lesion: {level: T11}\n", "'lesion' stands twice"),
        ("oncology: {primary: breast, primary: rcc}\nlesion: {level: T12}", "'primary' stands twice"),
        (LAUGHS, "reference"),
        ("a: &a [*a]", "reference"),
        ("[" * 5000, "without end"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("oncology: {primary: breast", "not well-formed YAML"),
        ("a: b: c", "not well-formed YAML"),
        ("\t- x", "not well-formed YAML"),
        ("a: \x00", "not well-formed YAML"),
        (BASE + "---\n" + BASE, "not well-formed YAML"),
        (BASE + "patient: {age_years: .nan}", "nan"),
        (BASE + "patient: {age_years: -.inf}", "-inf"),
        (BASE + "patient: {kps: " + "9" * 5000 + "}", "too many digits"),
        (BASE + "patient: {age_years: 2020-01-01}", "2020-01-01"),
        (BASE + "? [a, b]\n: c\n", "a key that is no word"),
        (BASE + "neuro: {myelopathy: yes}", "'yes'"),
        (BASE + "patient: {ecog: 01}", "'01'"),
        (BASE + "patient: {age_years: 1:10}", "'1:10'"),
    ],
    ids=range(25),
)
def test_text_that_is_no_case(text: str | bytes, found: str, tmp_path: Path) -> None:
    assert found in refusal(tmp_path, text).what


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"oncology": {"primary": "breast"}, "oncology": {}}', "'oncology' stands twice"),
        ('{"oncology": ', "not well-formed JSON"),
        ('{"patient": {"age_years": NaN}}', "NaN"),
        ('{"patient": {"age_years": 1e999}, "oncology": {"primary": "breast"}, "lesion": {"level": "T1"}}', "inf"),
        ("[" * 100_000, "without end"),
        ('{"patient": {"kps": ' + "9" * 5000 + "}}", "too many digits"),
    ],
    ids=range(6),
)
def test_json_that_is_no_case(text: str, found: str, tmp_path: Path) -> None:
    assert found in refusal(tmp_path, text, "case.json").what


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(CaseError, match="cannot be read") as caught:
            read_case(path)
        assert str(path) in caught.value.where
    large = written(tmp_path, "#" * 1_000_001)
    with pytest.raises(CaseError, match="1000001 bytes"):
        read_case(large)


WORDS = st.sampled_from(
    [
        "oncology",
        "primary",
        "lesion",
        "lesions",
        "level",
        "T12",
        "escc",
        "2c",
        ">3",
        "neuro",
        "asia",
        "A",
        "version",
        "breast",
    ]
)
SCALARS = WORDS | st.none() | st.booleans() | st.integers(-5, 200) | st.floats() | st.text(max_size=5)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner),
    max_leaves=12,
)


@settings(max_examples=150)
@given(DOCUMENTS)
def test_whatever_is_written_only_a_case_error_comes_out(document: Any) -> None:
    with suppress(CaseError):
        assert case_from_document(document).lesions


@settings(max_examples=150)
@given(st.sampled_from(sorted(KNOWN)), st.data())
def test_one_wrong_value_in_a_good_case_never_breaks_the_reader(section: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(KNOWN[section])))
    with suppress(CaseError):
        assert case_from_document(known(**{f"{section}__{key}": data.draw(DOCUMENTS)})).lesions


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,&*!|>-?'\"#%@ \n\tabT12", max_size=60).map(str.encode))
def test_whatever_bytes_only_a_case_error_comes_out(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("case.yaml", "case.json", "case"):
        with pytest.raises(CaseError):
            read_case(written(folder, content, name))
