"""A real archive by TLS: DICOM's own network and https, with and without a certificate asked of us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import make_certificate
from orthanc import Orthanc, Secured, orthanc
from pydicom import dcmread
from synthetic_dicom import SERIES, STUDY, write_series

from metaspine.errors import NetworkError
from metaspine.exchange.network import dicomweb, dimse
from metaspine.exchange.network.dealings import SERIES as SERIES_LEVEL
from metaspine.exchange.network.dealings import STUDY as STUDY_LEVEL
from metaspine.exchange.network.dealings import Caller, Retrieved
from metaspine.exchange.network.nodes import Certificates
from metaspine.exchange.network.spool import Spool

Running = tuple[Orthanc, Certificates]


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate that nobody here trusts."""
    return make_certificate(tmp_path_factory.mktemp("stranger"))


def secured(folder: Path, *, asks: bool) -> Iterator[Running]:
    """Its certificate and ours, each of which the other side trusts."""
    (folder / "theirs").mkdir()
    (folder / "ours").mkdir()
    theirs, ours = make_certificate(folder / "theirs"), make_certificate(folder / "ours")
    both = folder / "trusted by both.pem"
    both.write_text(theirs.own.read_text() + ours.own.read_text())
    with orthanc(folder / "orthanc", secured=Secured(replace(theirs, authority=both), asks)) as started:
        yield started, replace(ours, authority=theirs.own)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that asks for our certificate."""
    yield from secured(tmp_path_factory.mktemp("asking"), asks=True)


@pytest.fixture(scope="module")
def not_asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that shows its certificate and asks for none."""
    yield from secured(tmp_path_factory.mktemp("not asking"), asks=False)


def caller(certificates: Certificates) -> Caller:
    return Caller(certificates=certificates, answer_within_s=10)


def fetch(way: str, spool: Spool, archive: Orthanc, ours: Certificates) -> Retrieved:
    if way == "wado":
        return dicomweb.get(archive.dicomweb, spool, study=STUDY, series=SERIES, certificates=ours)
    if way == "get":
        return dimse.get(archive.node, caller(ours), spool, study=STUDY, series=SERIES)
    return dimse.move(archive.node, caller(ours), spool, archive.our_port, study=STUDY, series=SERIES)


@pytest.mark.parametrize("which", ["asking", "not_asking"])
def test_what_is_sent_by_tls_comes_back(which: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    archive, ours = request.getfixturevalue(which)
    slices = write_series(tmp_path / "ct", size=(2, 8, 8))
    dimse.echo(archive.node, caller(ours))
    assert dimse.send(slices[:1], archive.node, caller(ours)).refused == ()
    assert dicomweb.send(slices[1:], archive.dicomweb, ours).refused == ()
    for found in (
        dimse.find(archive.node, caller(ours), SERIES_LEVEL, {"StudyInstanceUID": STUDY}),
        dicomweb.find(archive.dicomweb, SERIES_LEVEL, {"StudyInstanceUID": STUDY}, ours),
    ):
        assert [series["NumberOfSeriesRelatedInstances"] for series in found] == ["2"]
    sent = {dcmread(path).SOPInstanceUID: dcmread(path) for path in slices}
    for way in ("get", "move", "wado"):
        with Spool(tmp_path / way) as spool:
            assert fetch(way, spool, archive, ours).failed == 0
            assert {dcmread(path).SOPInstanceUID: dcmread(path) for path in spool.objects(SERIES)} == sent


def test_a_stranger_is_refused_where_it_asks(asking: Running, stranger: Certificates) -> None:
    archive, ours = asking
    for unknown in (replace(stranger, authority=ours.authority), replace(ours, own=None, key=None)):
        with pytest.raises(NetworkError, match=r"it refused our certificate: .*alert"):
            dimse.echo(archive.node, caller(unknown))
        with pytest.raises(NetworkError, match=r"it refused our certificate: .*alert"):
            dicomweb.find(archive.dicomweb, STUDY_LEVEL, {}, unknown)


def test_no_certificate_is_needed_where_it_asks_for_none(not_asking: Running) -> None:
    archive, ours = not_asking
    nameless = replace(ours, own=None, key=None)
    dimse.echo(archive.node, caller(nameless))
    dicomweb.find(archive.dicomweb, STUDY_LEVEL, {}, nameless)


def test_whom_the_environment_trusts_is_not_trusted_beside(
    not_asking: Running, stranger: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, ours = not_asking
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ours.authority))
    dicomweb.find(archive.dicomweb, STUDY_LEVEL, {})
    with pytest.raises(NetworkError, match=r"its certificate is not trusted"):
        dicomweb.find(archive.dicomweb, STUDY_LEVEL, {}, replace(ours, authority=stranger.own))


@pytest.mark.parametrize("which", ["asking", "not_asking"])
def test_an_archive_that_we_do_not_trust_is_refused(
    which: str, stranger: Certificates, request: pytest.FixtureRequest
) -> None:
    archive, ours = request.getfixturevalue(which)
    deceived = replace(ours, authority=stranger.own)
    with pytest.raises(NetworkError, match=r"its certificate is not trusted: self.signed certificate"):
        dimse.echo(archive.node, caller(deceived))
    for certificates in (deceived, None):
        with pytest.raises(NetworkError, match=r"its certificate is not trusted: self.signed certificate"):
            dicomweb.find(archive.dicomweb, STUDY_LEVEL, {}, certificates)


def test_without_tls_it_is_not_reached(asking: Running) -> None:
    archive, _ = asking
    with pytest.raises(NetworkError, match="cannot be reached, or it asks for TLS"):
        dimse.echo(archive.node, Caller(answer_within_s=1))
    with pytest.raises(NetworkError, match=r"cannot be reached, or the connection was cut|HTTP status"):
        dicomweb.find(archive.dicomweb.replace("https", "http"), STUDY_LEVEL, {})
