"""Cases from a table: grouping, kinds of cells, separators, and every fault with its row and reason."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaspine.errors import CaseError
from metaspine.exchange.case_columns import columns
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_table import Read, cases_in
from metaspine.patient.case import Case, PriorRadiotherapy

HEADER = "id,oncology.primary,lesion.level"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder: Path, text: str | bytes) -> list[Read]:
    return list(cases_in(written(folder, text)))


def the_case(found: Read) -> Case:
    assert found.fault is None, found.fault
    assert found.case is not None
    return found.case


def the_fault(found: Read) -> CaseError:
    assert found.case is None
    assert found.fault is not None
    assert found.fault.remedy
    return found.fault


def test_a_row_is_a_case(tmp_path: Path) -> None:
    header = (
        f"{HEADER},patient.age_years,patient.kps,patient.pregnant,patient.comorbidities,oncology.subtype,lesion.escc,"
        "lesion.levels_involved,lesion.sectors,lesion.prior_rt_at_level,neuro.asia,laboratory.albumin_g_dl,assessed_on,"
        "oncology.diagnosed_on,postop.residual_escc,response.pain_after_nrs,lesion.collapse_percent"
    )
    row = (
        'P1,breast,T8,60.5,80,FALSE,diabetes;dementia,"ER+, HER2-",2,T8; T9,1;2,false,E,3.5,'
        "2026-05-04,2025-05-04,2,3,50"
    )
    (found,) = read(tmp_path, f"{header}\n{row}\n")
    case = case_from_document(
        {
            "patient": {"age_years": 60.5, "kps": 80, "pregnant": False, "comorbidities": ["diabetes", "dementia"]},
            "oncology": {"primary": "breast", "subtype": "ER+, HER2-", "diagnosed_on": "2025-05-04"},
            "lesion": {
                "level": "T8",
                "escc": "2",
                "levels_involved": ["T8", "T9"],
                "sectors": [1, 2],
                "prior_rt_at_level": False,
                "collapse_percent": 50,
            },
            "neuro": {"asia": "E"},
            "laboratory": {"albumin_g_dl": 3.5},
            "postop": {"residual_escc": "2"},
            "response": {"pain_after_nrs": 3},
            "assessed_on": "2026-05-04",
        }
    )
    assert the_case(found) == case
    assert (found.id, found.row, found.share_read) == ("P1", 2, 1)


def test_an_empty_cell_is_unknown_and_a_course_has_columns_of_its_own(tmp_path: Path) -> None:
    course = "lesion.prior_rt_at_level"
    header = f"{HEADER},patient.kps,{course},{course}.dose_gy,{course}.fractions"
    first, second, third = read(tmp_path, f"{header}\nA,breast,T8,,,,\nB,breast,T8,,,30,10\nC,breast,T8,,false,,\n")
    assert the_case(first).patient.kps is None
    assert the_case(first).lesions[0].prior_rt_at_level is None
    assert the_case(second).lesions[0].prior_rt_at_level == PriorRadiotherapy(dose_gy=30, fractions=10)
    assert the_case(third).lesions[0].prior_rt_at_level is False


def test_rows_of_one_id_are_the_lesions_of_one_patient(tmp_path: Path) -> None:
    text = f"{HEADER},patient.kps\nA,breast,T8,80\nA,,L3,\nA,breast,S1,80\nB,rcc,T8,70\n"
    first, second = read(tmp_path, text)
    assert [lesion.level for lesion in the_case(first).lesions] == ["T8", "L3", "S1"]
    assert the_case(first).listed
    assert the_case(first).patient.kps == 80
    assert not the_case(second).listed
    assert [found.row for found in (first, second)] == [2, 5]


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\r\nA,breast,T8\r\n",
        f"{HEADER}\nA,breast,T8",
        "id;oncology.primary;lesion.level\nA;breast;T8\n",
        "id\toncology.primary\tlesion.level\nA\tbreast\tT8\n",
        f'{HEADER}\n"A","breast"," T8 "\n\n,,\n',
        'id;oncology.primary;lesion.level;lesion.levels_involved\nA;breast;T8;"T8;T9"\n',
    ],
    ids=[
        "BOM and CRLF",
        "no last line end",
        "semicolons",
        "tabs",
        "quotes and empty rows",
        "a list between semicolons",
    ],
)
def test_what_spreadsheets_write(tmp_path: Path, text: str) -> None:
    (found,) = read(tmp_path, text)
    assert (found.id, the_case(found).oncology.primary, the_case(found).lesions[0].level) == ("A", "breast", "T8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table.csv: the table is empty"),
        (f"{HEADER},patient.kpss\n", "row 1: there is no column 'patient.kpss'. Did you mean patient.kps?"),
        (f"{HEADER},kps\n", "there is no column 'kps'. Did you mean patient.kps?"),
        (f"{HEADER},asia\n", "Did you mean neuro.asia or postop.asia?"),
        (f"{HEADER},lesion.level\n", "the column 'lesion.level' stands twice"),
        (f"{HEADER},\n", "column 4 has no name"),
        (
            "id,oncology.primary\n",
            "the column 'lesion.level' is missing. Every table has the columns id, oncology.primary",
        ),
        ("oncology.primary,lesion.level\n", "the column 'id' is missing"),
        ("oncology.primary,id,lesion.level\n", "the column 'id' is not the first"),
        (f"{HEADER},scores_from_outside\n", "'scores_from_outside' does not fit into a table. Write such a patient"),
        (f"{HEADER},postop.adverse_events.day\n", "does not fit into a table"),
        (f'{HEADER}\nA,breast,T8\nB,"rcc,T8\nC,rcc,T8\n', "row 3: not well-formed CSV"),
        (f'{HEADER}\nA,br"east"x,"T8"x\n', "row 2: not well-formed CSV"),
        (HEADER.encode() + b"\nA,br\xe9ast,T8\n", "line 2: the table is not UTF-8 text"),
        (HEADER.encode("utf-16"), "line 1: the table is not UTF-8 text"),
    ],
)
def test_a_table_that_cannot_be_used_as_a_whole(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(CaseError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("row", "where", "what"),
    [
        ("A,brest,T8,80,", "row 2, oncology.primary", "'brest' is not one of its words"),
        ("A,breast,,80,", "row 2, lesion.level", "the key is missing"),
        ("A,breast,T8,75,", "row 2, patient.kps", "75 is not possible"),
        ("A,breast,T8,eighty,", "row 2, patient.kps", "'eighty' is a word, not a whole number"),
        ('A,breast,T8,"80,5",', "row 2, patient.kps", "'80,5' is a word"),
        ("A,breast,T8,80,5,", "row 2", "6 cells below 5 columns"),
        ("A,breast,T8", "row 2", "3 cells below 5 columns"),
        ("A,breast,T8,80,yes", "row 2, neuro.myelopathy", "'yes' is neither true nor false"),
        ("A,breast,T8,nan,", "row 2, patient.kps", "nan is no number"),
        (",breast,T8,80,", "row 2, id", "the patient has no id"),
    ],
)
def test_a_broken_row_is_named_and_the_rest_is_read(tmp_path: Path, row: str, where: str, what: str) -> None:
    header = f"{HEADER},patient.kps,neuro.myelopathy"
    bad, good = read(tmp_path, f"{header}\n{row}\nB,rcc,L1,70,true\n")
    fault = the_fault(bad)
    assert fault.where.endswith(where)
    assert what in fault.what
    assert the_case(good).oncology.primary == "rcc"


def test_a_decimal_comma_says_so(tmp_path: Path) -> None:
    header = "id;oncology.primary;lesion.level;laboratory.albumin_g_dl"
    (found,) = read(tmp_path, f"{header}\nA;breast;T8;3,5\n")
    assert "with a decimal point instead of the comma" in the_fault(found).remedy
    (found,) = read(tmp_path, f"{HEADER},laboratory.albumin_g_dl\nA,breast,T8,3,5\n")
    assert "Write a decimal point, not a comma" in the_fault(found).remedy


def test_a_patient_is_never_assessed_without_one_of_its_lesions(tmp_path: Path) -> None:
    text = f"{HEADER},lesion.escc\nA,breast,T8,2\nA,breast,L3,4\nB,breast,T8,2\nC,breast,T8,2\nC,breast,T9\n"
    first, second, third = read(tmp_path, text)
    assert the_fault(first).where.endswith("row 3, lesion.escc")
    assert the_case(second)
    assert the_fault(third).where.endswith("row 6")


def test_a_patient_has_one_set_of_facts(tmp_path: Path) -> None:
    text = f"{HEADER},patient.kps\nA,breast,T8,80\nA,breast,L3,70\nB,breast,T8,\nB,breast,L3,70\n"
    first, second = read(tmp_path, text)
    assert the_fault(first).where.endswith("row 3, patient.kps")
    assert the_fault(first).what == "'70' here, but '80' in row 2 of the same patient"
    assert the_fault(second).what == "'70' here, but nothing in row 4 of the same patient"


def test_an_id_that_comes_back_after_another_patient(tmp_path: Path) -> None:
    _, _, third = read(tmp_path, f"{HEADER}\nA,breast,T8\nB,breast,T8\nA,breast,L3\n")
    assert "the id 'A' stands in row 2 already, with other patients between" in the_fault(third).what


def test_a_course_beside_no_radiotherapy(tmp_path: Path) -> None:
    header = f"{HEADER},lesion.prior_rt_at_level,lesion.prior_rt_at_level.dose_gy"
    first, second = read(tmp_path, f"{header}\nA,breast,T8,false,30\nB,breast,T8,true,30\n")
    assert the_fault(first).what == "'false' beside lesion.prior_rt_at_level.dose_gy"
    assert "beside a course leave the cell empty" in the_fault(second).remedy


def test_a_contradiction_is_a_bad_row(tmp_path: Path) -> None:
    (found,) = read(tmp_path, f"{HEADER}\nA,breast,T8\nA,breast,T8\n")
    assert "two lesions of T8" in the_fault(found).what
    assert the_fault(found).where.endswith("row 3, lesion.level")


def test_a_folder_of_case_files(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("oncology: {primary: breast}\nlesion: {level: T8}\n")
    (tmp_path / "a.json").write_text('{"oncology": {"primary": "rcc"}, "lesion": {"level": "L1"}}')
    (tmp_path / "c.yml").write_text("oncology: {primary: brest}\nlesion: {level: T8}\n")
    (tmp_path / "notes.txt").write_text("no case")
    first, second, third = cases_in(tmp_path)
    assert (first.id, the_case(first).oncology.primary) == ("a.json", "rcc")
    assert (second.id, second.row, second.share_read) == ("b.yaml", 2, pytest.approx(2 / 3))
    assert "c.yml, oncology.primary" in the_fault(third).where


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"the table cannot be read \(No such file"):
        list(cases_in(tmp_path / "none.csv"))
    with pytest.raises(CaseError, match="no case file in the folder"):
        list(cases_in(tmp_path))


def test_ten_thousand_rows_are_streamed(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with path.open("w") as file:
        file.write(f"{HEADER},oncology.subtype\n")
        file.writelines(f"P{number},breast,T8,{'x' * 200}\n" for number in range(10_000))
    assert path.stat().st_size > 2_000_000
    stream = cases_in(path)
    assert next(stream).share_read < 0.05
    tracemalloc.start()
    rest = sum(the_case(found).oncology.primary == "breast" for found in stream)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rest == 9_999
    assert peak < 2_000_000


def test_every_key_of_a_case_file_that_a_table_can_hold_is_a_column() -> None:
    assert {"patient.kps", "lesion.escc", "lesion.prior_rt_at_level.cord_dmax_gy", "response.months_after"} <= set(
        columns()
    )
    assert not [name for name in columns() if name.startswith(("lesions", "scores_from_outside"))]


def flat(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for section, values in document.items():
        for key, value in values.items():
            if value is not None:
                yield f"{section}.{key}", str(value).lower() if isinstance(value, bool) else str(value)


KNOWN_OR_NOT = st.none() | st.booleans()
DOCUMENTS = st.fixed_dictionaries(
    {
        "patient": st.fixed_dictionaries(
            {"kps": st.none() | st.sampled_from(range(10, 101, 10)), "tolerates_open_surgery": KNOWN_OR_NOT}
        ),
        "oncology": st.fixed_dictionaries(
            {
                "primary": st.sampled_from(["breast", "rcc", "unknown"]),
                "subtype": st.none() | st.text("ab,;\" '\n", min_size=1).filter(lambda text: text == text.strip()),
            }
        ),
        "lesion": st.fixed_dictionaries(
            {
                "level": st.sampled_from(["T8", "L3"]),
                "escc": st.sampled_from([None, "0", "1a", "2"]),
                "nrs": st.none() | st.integers(0, 10),
            }
        ),
        "neuro": st.fixed_dictionaries(
            {"myelopathy": KNOWN_OR_NOT, "symptom_duration_days": st.none() | st.floats(0, 1000)}
        ),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(DOCUMENTS, min_size=1, max_size=4), st.sampled_from([",", ";", "\t"]))
def test_a_table_says_what_case_files_say(
    tmp_path_factory: pytest.TempPathFactory, documents: list[dict[str, Any]], delimiter: str
) -> None:
    rows = [dict(flat(document)) for document in documents]
    names = ["id", *dict.fromkeys(("oncology.primary", "lesion.level", *(name for row in rows for name in row)))]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, delimiter=delimiter)
    writer.writeheader()
    writer.writerows({"id": str(number), **row} for number, row in enumerate(rows))
    found = read(tmp_path_factory.mktemp("table"), text.getvalue())
    assert [the_case(one) for one in found] == [case_from_document(document) for document in documents]


@settings(max_examples=100, deadline=None)
@given(st.text('abT8,;"\n\r\t\x00é', max_size=60) | st.binary(max_size=40))
def test_whatever_stands_below_the_header_only_messages_come_out(
    tmp_path_factory: pytest.TempPathFactory, text: str | bytes
) -> None:
    content = f"{HEADER}\n".encode() + (text if isinstance(text, bytes) else text.encode())
    with suppress(CaseError):
        for found in read(tmp_path_factory.mktemp("fuzz"), content):
            assert (found.case is None) is not (found.fault is None)
