"""Dealing with an archive by DICOM's own network; the other side is pynetdicom."""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from loopback import Start, free_port, make_certificate
from pydicom import dcmread
from pydicom.filereader import read_partial
from pydicom.uid import JPEG2000Lossless
from sender import associate, wire_cut_after
from small_archive import small_archive
from synthetic_dicom import SERIES, STUDY, setting, write_series
from typer.testing import CliRunner

from metaspine.cli.app import app
from metaspine.errors import ImageError, InputError, NetworkError
from metaspine.exchange.network import dimse, nodes
from metaspine.exchange.network.dealings import SERIES as SERIES_LEVEL
from metaspine.exchange.network.dealings import STUDY as STUDY_LEVEL
from metaspine.exchange.network.dealings import Caller, dicom_files
from metaspine.exchange.network.nodes import Certificates, Node, check_title, node_of, require_archive_packages
from metaspine.exchange.network.spool import Spool

CALLER = Caller(answer_within_s=5)


@pytest.fixture
def slices(tmp_path: Path) -> list[Path]:
    return write_series(tmp_path / "ct", size=(6, 64, 64))


def data_of(path: Path) -> bytes:
    """The file's bytes after its meta information."""
    with path.open("rb") as stream:
        read_partial(stream, stop_when=lambda *_: True)
        return stream.read()


def test_what_is_sent_is_what_lies_there(start: Start, slices: list[Path]) -> None:
    running = start()
    dimse.echo(running.node, CALLER)
    sent = dimse.send(slices, running.node, CALLER)
    assert (sent.stored, sent.refused, sent.notes) == (tuple(slices), (), ())
    for path in slices:
        kept = running.folder / SERIES / f"{dcmread(path).SOPInstanceUID}.dcm"
        assert dcmread(kept) == dcmread(path)
        assert dcmread(kept).PixelData in kept.read_bytes()


def test_a_compressed_file_goes_as_it_is(start: Start, slices: list[Path]) -> None:
    dataset = dcmread(slices[0])
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    from pydicom.encaps import encapsulate

    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51 a codestream that nobody looks into"])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.save_as(slices[0])
    running = start()
    assert dimse.send(slices[:1], running.node, CALLER).stored == (slices[0],)
    [kept] = (running.folder / SERIES).glob("*.dcm")
    assert dcmread(kept).file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert kept.read_bytes().endswith(slices[0].read_bytes()[-60:])


def test_a_full_disk_at_the_other_side_is_refused_by_name(small_disk: Path, start: Start, tmp_path: Path) -> None:
    running = start(into=small_disk / "into")
    paths = write_series(tmp_path / "large", size=(6, 256, 256), field=lambda points: 0 * points[..., 0])
    sent = dimse.send(paths, running.node, CALLER)
    assert 1 <= len(sent.stored) < 6
    assert {reason for _, reason in sent.refused} == {"refused with status 0xA700"}
    assert sorted((*sent.stored, *(path for path, _ in sent.refused))) == sorted(paths)


def test_only_what_was_acknowledged_counts_when_the_wire_is_cut(start: Start, tmp_path: Path) -> None:
    running = start()
    paths = write_series(tmp_path / "large", size=(6, 256, 256), field=lambda points: 0 * points[..., 0])
    with wire_cut_after(running.node, 330_000) as cut:
        sent = dimse.send(paths, cut, CALLER)
    assert sent.stored == tuple(paths[:2])
    assert len(sent.refused) == 4
    assert {reason for _, reason in sent.refused} <= {"no answer", "the connection was cut"}
    again = dimse.send(paths, running.node, CALLER)
    assert again.stored == tuple(paths)


def test_a_line_that_is_dead_in_mid_object_is_not_waited_for(start: Start, tmp_path: Path) -> None:
    running = start()
    paths = write_series(tmp_path / "huge", size=(1, 8, 8), change=setting("PixelData", bytes(32_000_000)))
    still_silent = threading.Event()
    with wire_cut_after(running.node, 100_000, silent=still_silent) as dead:
        still_silent.set()
        sent = dimse.send(paths, dead, CALLER)
        assert still_silent.is_set()
        still_silent.clear()
    assert sent.stored == ()
    assert [reason for _, reason in sent.refused] == ["no answer"]


def test_nobody_there_is_an_error() -> None:
    with pytest.raises(NetworkError, match=r"NOBODY@127.0.0.1:\d+: cannot be reached"):
        dimse.echo(Node("NOBODY", "127.0.0.1", free_port()), CALLER)


def test_a_title_that_the_other_side_does_not_know_is_an_error(start: Start) -> None:
    with pytest.raises(NetworkError, match="rejected the association: it does not know one of the two titles"):
        dimse.echo(replace(start().node, title="SOMEBODY"), CALLER)


def test_a_kind_that_is_not_taken_is_an_error(slices: list[Path]) -> None:
    from pynetdicom import AE
    from pynetdicom.sop_class import Verification

    entity, port = AE(), free_port()
    entity.add_supported_context(Verification)
    entity.start_server(("127.0.0.1", port), block=False)
    try:
        with pytest.raises(NetworkError, match="takes nothing of what was offered"):
            dimse.send(slices, Node("X", "127.0.0.1", port), CALLER)
    finally:
        entity.shutdown()


def test_series_are_found(slices: list[Path]) -> None:
    with small_archive(slices) as node:
        [found] = dimse.find(node, CALLER, SERIES_LEVEL, {"StudyInstanceUID": STUDY})
        assert (found["SeriesInstanceUID"], found["NumberOfSeriesRelatedInstances"]) == (SERIES, "6")
        assert len(dimse.find(node, CALLER, STUDY_LEVEL, {"PatientID": "47*"})) == 1
        assert dimse.find(node, CALLER, STUDY_LEVEL, {"PatientID": "48*"}) == ()
        with pytest.raises(InputError, match="'Patient' is nothing to search by"):
            dimse.find(node, CALLER, STUDY_LEVEL, {"Patient": "1"})


@pytest.mark.parametrize("way", ["get", "move"])
def test_a_series_is_fetched_whole(tmp_path: Path, slices: list[Path], way: str) -> None:
    port = free_port()
    with small_archive(slices, knows={"METASPINE": port}) as node, Spool(tmp_path / "into") as spool:
        if way == "get":
            found = dimse.get(node, CALLER, spool, study=STUDY, series=SERIES)
        else:
            found = dimse.move(node, CALLER, spool, port, study=STUDY, series=SERIES)
        assert (len(found.paths), found.failed, found.notes) == (6, 0, ())
        assert spool.unfinished() == frozenset()
        kept = {dcmread(path).SOPInstanceUID: dcmread(path) for path in spool.objects(SERIES)}
    assert kept == {dcmread(path).SOPInstanceUID: dcmread(path) for path in slices}


def test_a_fetch_that_breaks_off_is_an_error_and_leaves_whole_objects(tmp_path: Path, slices: list[Path]) -> None:
    with small_archive(slices, breaks_after=2) as node, Spool(tmp_path / "into") as spool:
        with pytest.raises(NetworkError, match="C-GET was not answered"):
            dimse.get(node, CALLER, spool, study=STUDY)
        assert len(spool.objects(SERIES)) == 2
        assert spool.unfinished() == {SERIES}


def test_fewer_objects_than_the_archive_has_are_an_error(tmp_path: Path, slices: list[Path]) -> None:
    words = ["archive", "get", "", "--study", STUDY, "--into", str(tmp_path / "got")]
    for only in ([], ["--series", SERIES]):
        with small_archive(slices, keeps_back=2) as node:
            got = CliRunner().invoke(app, [*words[:2], str(node), *words[3:], *only])
        assert isinstance(got.exception, NetworkError)
        assert f"sent 4 of the 6 objects of series {SERIES}" in str(got.exception)
        assert "4 objects in" in got.output
        with Spool(tmp_path / "got") as spool:
            assert spool.unfinished() == {SERIES}
    with small_archive(slices) as node:
        assert CliRunner().invoke(app, [*words[:2], str(node), *words[3:]]).exit_code == 0
    with Spool(tmp_path / "got") as spool:
        assert spool.unfinished() == frozenset()


def test_an_archive_that_states_no_number_leaves_it_open(tmp_path: Path, slices: list[Path]) -> None:
    with small_archive(slices, keeps_back=2, mute=True) as node:
        words = ["archive", "get", str(node), "--study", STUDY, "--into", str(tmp_path / "got")]
        got = CliRunner().invoke(app, words, catch_exceptions=False)
    assert got.exit_code == 0
    assert f"Whether series {SERIES} is complete is not known" in got.output


def test_an_archive_that_does_not_know_us_moves_nothing(tmp_path: Path, slices: list[Path]) -> None:
    with (
        small_archive(slices) as node,
        Spool(tmp_path / "into") as spool,
        pytest.raises(NetworkError, match="C-MOVE ended with status 0xA801"),
    ):
        dimse.move(node, CALLER, spool, free_port(), study=STUDY)


def test_tls_needs_a_certificate_from_both_sides(
    start: Start,
    slices: list[Path],
    certificates: Certificates,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    running = start(certificates=certificates)
    by_name = replace(running.node, host="localhost")
    assert dimse.send(slices, by_name, replace(CALLER, certificates=certificates)).stored == tuple(slices)
    assert not associate(running.node).is_established
    with pytest.raises(NetworkError, match="cannot be reached, or it asks for TLS"):
        dimse.echo(by_name, Caller(answer_within_s=5))
    stranger = make_certificate(tmp_path_factory.mktemp("stranger"))
    unknown_to_them = Certificates(stranger.own, stranger.key, certificates.authority)
    with pytest.raises(NetworkError, match=r"it refused our certificate: .*unknown ca"):
        dimse.echo(by_name, Caller(certificates=unknown_to_them, answer_within_s=5))
    not_them = Certificates(certificates.own, certificates.key, stranger.authority)
    with pytest.raises(NetworkError, match=r"its certificate is not trusted: self.signed certificate"):
        dimse.echo(by_name, Caller(certificates=not_them, answer_within_s=5))
    with pytest.raises(NetworkError, match=r"it cannot be reached \(Connection refused\)"):
        dimse.echo(replace(by_name, port=free_port()), Caller(certificates=certificates, answer_within_s=5))
    elsewhere = make_certificate(tmp_path_factory.mktemp("elsewhere"), names="DNS:elsewhere")
    both = start(certificates=replace(elsewhere, authority=certificates.authority), into=tmp_path / "other")
    with pytest.raises(NetworkError, match=r"its certificate is not trusted: .*ostname mismatch"):
        dimse.echo(
            replace(both.node, host="localhost"),
            Caller(certificates=replace(certificates, authority=elsewhere.own), answer_within_s=5),
        )


def test_one_that_speaks_no_tls_is_said_to(start: Start, certificates: Certificates) -> None:
    by_name = replace(start().node, host="localhost")
    with pytest.raises(NetworkError, match=r"TLS failed|cut the connection during the greeting|ended the connection"):
        dimse.echo(by_name, Caller(certificates=certificates, answer_within_s=5))


def test_a_port_needs_a_certificate_of_its_own(certificates: Certificates) -> None:
    with pytest.raises(InputError, match="there is no certificate of our own to show to callers"):
        replace(certificates, own=None, key=None).for_server()


def test_certificates_that_cannot_be_read_are_an_error(tmp_path: Path, certificates: Certificates) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for broken in (replace(certificates, own=tmp_path / "none.pem"), replace(certificates, key=tmp_path / "absent")):
        with pytest.raises(InputError, match="no certificate, key or authority could be read"):
            broken.for_client()


@pytest.mark.parametrize("text", ["ORTHANC", "ORTHANC@host", "@host:104", "A@B@C", "T@h:x", "ftp://x"])
def test_an_address_is_written_in_one_way(text: str) -> None:
    with pytest.raises(InputError, match="is no address of an archive"):
        node_of(text)
    assert node_of("ORTHANC@10.0.0.1:104") == Node("ORTHANC", "10.0.0.1", 104)


def test_titles_and_ports_are_checked() -> None:
    for title in ("", " ", "A" * 17, "A\\B", "Ä"):
        with pytest.raises(InputError, match="is no application entity title"):
            check_title(title)
    with pytest.raises(InputError, match="port 0 does not exist"):
        Node("A", "h", 0)


def test_without_the_extra_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pynetdicom and dicomweb-client not installed.*pip install 'metaspine\[arch"):
        require_archive_packages()


def test_the_rooms_of_the_network_load_without_the_extra() -> None:
    import subprocess

    code = (
        "import sys, metaspine.cli.archive, metaspine.cli.listen\n"
        "sys.exit(bool({'pynetdicom', 'dicomweb_client'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_what_is_no_dicom_is_not_sent(tmp_path: Path, slices: list[Path]) -> None:
    (tmp_path / "ct" / "notes.txt").write_text("notes")
    assert dicom_files([tmp_path / "ct"]) == tuple(slices)
    with pytest.raises(InputError, match=r"notes\.txt: is no DICOM file"):
        dicom_files([tmp_path / "ct" / "notes.txt"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no DICOM file was given"):
        dicom_files([tmp_path / "empty"])
    slices[0].write_bytes(slices[0].read_bytes()[:140])
    with pytest.raises(ImageError, match="s000"):
        dimse.send(slices, Node("X", "127.0.0.1", free_port()), CALLER)


def test_the_commands(start: Start, tmp_path: Path, slices: list[Path]) -> None:
    running, shell = start(), CliRunner()
    assert "answers" in shell.invoke(app, ["archive", "echo", str(running.node)], catch_exceptions=False).output
    done = shell.invoke(app, ["archive", "send", str(running.node), str(tmp_path / "ct")], catch_exceptions=False)
    assert "6 objects stored" in done.output
    with small_archive(slices) as node:
        words = ["archive", "find", str(node), f"StudyInstanceUID={STUDY}", "--level", "series", "--json"]
        [found] = json.loads(shell.invoke(app, words, catch_exceptions=False).stdout)
        assert found["SeriesInstanceUID"] == SERIES
        words = ["archive", "get", str(node), "--study", STUDY, "--into", str(tmp_path / "got")]
        assert shell.invoke(app, words, catch_exceptions=False).output.startswith("6 objects in ")
        missing = shell.invoke(app, [*words[:4], "1.2.3", *words[5:]])
        assert isinstance(missing.exception, NetworkError)
        for wrong, message in ((["PatientID"], "no search by a value"), (["--level", "image"], "there is no level")):
            assert message in str(shell.invoke(app, ["archive", "find", str(node), *wrong]).exception)
    half = shell.invoke(app, ["archive", "echo", str(running.node), "--key", "x"])
    assert "TLS needs --authority, and --certificate together with --key" in str(half.exception)
