"""A real archive keeps what it is sent and gives it back: by DICOM's own network and by DICOMweb."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from loopback import eventually, free_port
from orthanc import Orthanc, orthanc
from pydicom import dcmread
from synthetic_dicom import SERIES, STUDY, write_series
from typer.testing import CliRunner

from metaspine.cli.app import app
from metaspine.errors import InputError, NetworkError
from metaspine.exchange.network import dicomweb, dimse
from metaspine.exchange.network.dealings import SERIES as SERIES_LEVEL
from metaspine.exchange.network.dealings import STUDY as STUDY_LEVEL
from metaspine.exchange.network.dealings import Caller, Retrieved
from metaspine.exchange.network.nodes import Node
from metaspine.exchange.network.spool import Spool

CALLER = Caller(answer_within_s=10)


@pytest.fixture
def slices(tmp_path: Path) -> list[Path]:
    def named(dataset, k: int) -> None:
        dataset.PatientID, dataset.PatientName, dataset.InstanceNumber = "4711", "Müller^Ä", k + 1
        dataset.SpecificCharacterSet = "ISO_IR 192"

    return write_series(tmp_path / "ct", size=(6, 64, 64), change=named)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as started:
        yield started


@pytest.fixture
def archive(running: Orthanc) -> Orthanc:
    """One that holds nothing."""
    running.forget_all()
    return running


def send(way: str, paths: list[Path], archive: Orthanc) -> None:
    sent = dicomweb.send(paths, archive.dicomweb) if way == "stow" else dimse.send(paths, archive.node, CALLER)
    assert (sent.stored, sent.refused) == (tuple(paths), ())


def fetch(way: str, spool: Spool, archive: Orthanc, series: str) -> Retrieved:
    if way == "wado":
        return dicomweb.get(archive.dicomweb, spool, study=STUDY, series=series)
    if way == "get":
        return dimse.get(archive.node, CALLER, spool, study=STUDY, series=series)
    return dimse.move(archive.node, CALLER, spool, archive.our_port, study=STUDY, series=series)


@pytest.mark.parametrize("there", ["store", "stow"])
def test_what_is_sent_comes_back(tmp_path: Path, archive: Orthanc, slices: list[Path], there: str) -> None:
    send(there, slices, archive)
    assert archive.count() == 6
    send(there, slices, archive)
    assert archive.count() == 6
    sent = {dcmread(path).SOPInstanceUID: dcmread(path) for path in slices}
    for back in ("get", "move", "wado"):
        for series in ("", SERIES):
            with Spool(tmp_path / back / (series or "study")) as spool:
                found = fetch(back, spool, archive, series)
                assert (len(found.paths), found.failed, found.notes) == (6, 0, ())
                assert spool.unfinished() == frozenset()
                kept = {dcmread(path).SOPInstanceUID: dcmread(path) for path in spool.objects(SERIES)}
            assert kept == sent


def test_it_is_found_both_ways(archive: Orthanc, slices: list[Path]) -> None:
    dimse.echo(archive.node, CALLER)
    send("store", slices, archive)
    for level, filters, count in (
        (STUDY_LEVEL, {"PatientID": "47*"}, 1),
        (STUDY_LEVEL, {"PatientID": "48*"}, 0),
        (SERIES_LEVEL, {"StudyInstanceUID": STUDY}, 1),
    ):
        by_dimse = dimse.find(archive.node, CALLER, level, filters)
        by_web = dicomweb.find(archive.dicomweb, level, filters)
        assert len(by_dimse) == len(by_web) == count
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "Modality", "NumberOfSeriesRelatedInstances"):
            assert [one.get(keyword) for one in by_dimse] == [one.get(keyword) for one in by_web]
    [study] = dicomweb.find(archive.dicomweb, STUDY_LEVEL, {"PatientID": "4711"})
    assert study["PatientName"] == "Müller^Ä"
    [series] = dimse.find(archive.node, CALLER, SERIES_LEVEL, {"StudyInstanceUID": STUDY})
    assert (series["SeriesInstanceUID"], series["NumberOfSeriesRelatedInstances"]) == (SERIES, "6")


def test_what_it_does_not_have_is_said(tmp_path: Path, archive: Orthanc) -> None:
    with Spool(tmp_path / "into") as spool:
        with pytest.raises(NetworkError, match="answered with HTTP status 404"):
            dicomweb.get(archive.dicomweb, spool, study="1.2.3")
        assert spool.series() == ()
    shell = CliRunner()
    for address in (str(archive.node), archive.dicomweb):
        got = shell.invoke(app, ["archive", "get", address, "--study", "1.2.3", "--into", str(tmp_path / "into")])
        assert isinstance(got.exception, NetworkError)


def test_the_commands_by_dicomweb(archive: Orthanc, tmp_path: Path, slices: list[Path]) -> None:
    shell = CliRunner()
    assert "answers" in shell.invoke(app, ["archive", "echo", archive.dicomweb], catch_exceptions=False).output
    words = ["archive", "send", archive.dicomweb, str(tmp_path / "ct")]
    assert "6 objects stored" in shell.invoke(app, words, catch_exceptions=False).output
    words = ["archive", "find", archive.dicomweb, f"StudyInstanceUID={STUDY}", "--level", "series", "--json"]
    [found] = json.loads(shell.invoke(app, words, catch_exceptions=False).stdout)
    words = ["archive", "get", archive.dicomweb, "--study", STUDY, "--series", found["SeriesInstanceUID"]]
    assert "6 objects in" in shell.invoke(app, [*words, "--into", str(tmp_path / "got")], catch_exceptions=False).output


def test_nobody_there_is_an_error_by_dicomweb(tmp_path: Path, slices: list[Path]) -> None:
    address = f"http://127.0.0.1:{free_port()}/dicom-web"
    with pytest.raises(NetworkError, match="cannot be reached"):
        dicomweb.send(slices, address)
    with pytest.raises(NetworkError, match="cannot be reached"):
        dicomweb.find(address, STUDY_LEVEL, {})
    with pytest.raises(InputError, match="is nothing to search by"):
        dicomweb.find(address, STUDY_LEVEL, {"Name": "1"})
    with Spool(tmp_path / "into") as spool, pytest.raises(NetworkError, match="cannot be reached"):
        dicomweb.get(address, spool, study="1.2")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def two_hosts() -> Iterator[tuple[str, str]]:
    """Two network namespaces with a cable between them: 10.205.0.1 and 10.205.0.2."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    mark = f"{os.getpid() % 100000}"
    here, there = f"ms{mark}a", f"ms{mark}b"
    try:
        ip("netns", "add", here)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this machine makes no network namespaces: {error}")
    try:
        ip("netns", "add", there)
        ip("link", "add", here, "type", "veth", "peer", "name", there)
        for place, address in ((here, "10.205.0.1/24"), (there, "10.205.0.2/24")):
            ip("link", "set", place, "netns", place)
            ip("-n", place, "addr", "add", address, "dev", place)
            ip("-n", place, "link", "set", "lo", "up")
            ip("-n", place, "link", "set", place, "up")
        yield here, there
    finally:
        for place in (here, there):
            subprocess.run(["ip", "netns", "del", place], check=False, capture_output=True)


@contextmanager
def thread_within(place: str) -> Iterator[ThreadPoolExecutor]:
    """A thread in a network namespace; the threads that it starts are there, too."""

    def enter() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{place}", "rb") as namespace:
            assert libc.setns(namespace.fileno(), _NETWORK_NAMESPACE) == 0, os.strerror(ctypes.get_errno())

    with ThreadPoolExecutor(1, initializer=enter) as pool:
        yield pool


_NETWORK_NAMESPACE = 0x40000000
"""CLONE_NEWNET of setns(2)."""


def test_a_pulled_cable_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """The cable is pulled in the middle: what counts as stored is there; sent again, all of it is there once."""
    paths = write_series(tmp_path / "ct", size=(60, 256, 256), field=lambda points: 0 * points[..., 0])
    with two_hosts() as (here, there), thread_within(here) as keeper, thread_within(there) as sender:
        inside = ["ip", "netns", "exec", here]
        with orthanc(tmp_path / "orthanc", host="10.205.0.1", within=inside) as archive:

            def count() -> int:
                try:
                    return keeper.submit(archive.count).result()
                except OSError:
                    return -1

            assert eventually(lambda: count() == 0)
            sending = sender.submit(dimse.send, paths, archive.node, Caller(answer_within_s=3))
            assert eventually(lambda: count() >= 3)
            ip("-n", there, "link", "set", there, "down")
            sent = sending.result(timeout=60)
            assert len(sent.stored) + len(sent.refused) == 60
            assert sent.refused
            assert eventually(lambda: len(sent.stored) <= count() <= len(sent.stored) + 1)
            ip("-n", there, "link", "set", there, "up")
            again = sender.submit(dimse.send, paths, archive.node, CALLER).result(timeout=60)
            assert (again.stored, again.refused) == (tuple(paths), ())
            assert count() == 60


def test_an_address_says_which_way() -> None:
    assert dicomweb.is_address("https://archive/dicom-web")
    assert not dicomweb.is_address(str(Node("A", "b", 104)))
