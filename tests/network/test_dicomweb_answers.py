"""What a DICOMweb service may answer that is not what was asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bombs import BOMBS
from small_web_archive import small_web_archive
from synthetic_dicom import SERIES, STUDY, write_series
from typer.testing import CliRunner

from metaspine.cli.app import app
from metaspine.errors import NetworkError
from metaspine.exchange.network import dicomweb
from metaspine.exchange.network.spool import Spool


@pytest.fixture
def objects(tmp_path: Path) -> list[bytes]:
    return [path.read_bytes() for path in write_series(tmp_path / "ct", size=(3, 8, 8))]


def fetch(address: str, into: Path):
    return CliRunner().invoke(app, ["archive", "get", address, "--study", STUDY, "--into", str(into)])


def test_all_that_the_service_has_is_no_error(tmp_path: Path, objects: list[bytes]) -> None:
    with small_web_archive(objects, series=SERIES, has=3) as address:
        got = fetch(address, tmp_path / "into")
    assert got.exit_code == 0, got.exception
    assert got.output.startswith("3 objects in")


def test_fewer_objects_than_the_service_has_are_an_error(tmp_path: Path, objects: list[bytes]) -> None:
    with small_web_archive(objects, series=SERIES, has=5) as address:
        got = fetch(address, tmp_path / "into")
    assert isinstance(got.exception, NetworkError)
    assert f"sent 3 of the 5 objects of series {SERIES}" in str(got.exception)


def test_a_service_that_states_no_number_leaves_it_open(tmp_path: Path, objects: list[bytes]) -> None:
    with small_web_archive(objects, series=SERIES, has=None) as address:
        got = fetch(address, tmp_path / "into")
    assert got.exit_code == 0
    assert "complete is not known" in got.output


@pytest.mark.parametrize(
    ("bomb", "reason"),
    [
        (BOMBS["items within items"][0], "nested more than 16 deep"),
        (BOMBS["four gigabytes in words"][0], "reaches beyond the end of the file"),
    ],
)
def test_a_bomb_is_not_kept_and_what_else_comes_is(
    tmp_path: Path, objects: list[bytes], bomb: bytes, reason: str
) -> None:
    objects[1] += bomb
    with small_web_archive(objects, series=SERIES, has=3) as address, Spool(tmp_path / "into") as spool:
        found = dicomweb.get(address, spool, study=STUDY)
        assert (len(found.paths), found.failed) == (2, 1)
        assert "object 2 of those that came" in found.notes[0]
        assert reason in found.notes[0]
        assert len(spool.objects(SERIES)) == 2
        assert spool.unfinished() == {SERIES}


def test_another_service_at_the_address_is_said() -> None:
    with (
        small_web_archive([], series=SERIES, has=None, page=b"<html>Welcome</html>") as address,
        pytest.raises(NetworkError, match="answered with what is no DICOM JSON"),
    ):
        dicomweb.find(address, "SERIES", {})


def test_what_is_asked_for_is_what_the_conformance_statement_says(tmp_path: Path, objects: list[bytes]) -> None:
    asked: list[tuple[str, str]] = []
    with (
        small_web_archive(objects, series=SERIES, has=3, asked=asked) as address,
        Spool(tmp_path / "into") as spool,
    ):
        dicomweb.get(address, spool, study=STUDY)
        dicomweb.get(address, spool, study=STUDY, series=SERIES)
        dicomweb.find(address, "SERIES", {"StudyInstanceUID": STUDY})
        dicomweb.find(address, "STUDY", {})
    found = [(path.replace(STUDY, "STUDY").replace(SERIES, "SERIES"), kind) for path, kind in asked]
    whole = ('multipart/related; type="application/dicom"; transfer-syntax=*',)
    assert [path for path, _ in found] == ["/studies/STUDY", "/studies/STUDY/series/SERIES", "/series", "/studies"]
    assert {kind for _, kind in found[:2]} == set(whole)
    assert {kind for _, kind in found[2:]} == {"application/dicom+json, application/json"}
    statement = (Path(__file__).parents[2] / "docs" / "conformance.md").read_text(encoding="utf-8")
    for path, kind in found:
        (row,) = (line for line in statement.splitlines() if re.search(rf"GET {path}(,| \|)", line))
        assert kind in row
