"""Receiving by C-STORE: nothing lost, nothing half-stored. The sender is pynetdicom."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from bombs import BOMBS
from loopback import IDLE_S, Start, eventually, free_port
from pydicom import dcmread
from sender import NO_ANSWER, associate, bytes_as_they_lie, send, store, wire_cut_after
from synthetic_dicom import SERIES, setting, write_series

from metaspine.errors import ImageError, InputError, NetworkError
from metaspine.exchange.network.handing import command_of, run
from metaspine.exchange.network.listener import listen
from metaspine.exchange.network.nodes import Node
from metaspine.exchange.scans import read_scan

WRITE_NAMES = """
import pathlib, sys
folder = pathlib.Path(sys.argv[2])
with open(sys.argv[1], "a") as out:
    out.write(folder.name + " " + str(len(list(folder.iterdir()))) + chr(10))
"""


@pytest.fixture
def slices(tmp_path: Path) -> list[Path]:
    """Six slices, each of about 130 kB."""
    return write_series(tmp_path / "ct", size=(6, 256, 256), field=soft_tissue)


def soft_tissue(points_mm: np.ndarray) -> np.ndarray:
    return np.where(points_mm[..., 0] < 0, -500.0, 40.0 + points_mm[..., 2])


def test_what_arrives_is_what_was_sent_and_is_handed_on_once(tmp_path: Path, start: Start, slices: list[Path]) -> None:
    told = tmp_path / "told"
    running = start(then=(sys.executable, "-c", WRITE_NAMES, str(told)))
    out_of_order = [slices[k] for k in (3, 0, 5, 1, 4, 2)]
    assert send(running.node, out_of_order) == [0] * 6
    assert eventually(told.exists)
    assert eventually(lambda: (running.folder / ".metaspine" / "handed" / SERIES).exists())
    for path in slices:
        sent, kept = dcmread(path), dcmread(running.folder / SERIES / f"{dcmread(path).SOPInstanceUID}.dcm")
        assert kept == sent
        assert kept.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    ours, theirs = read_scan(running.folder / SERIES), read_scan(slices[0].parent)
    assert np.array_equal(ours.image.values, theirs.image.values)
    running.end()
    again = start(then=(sys.executable, "-c", WRITE_NAMES, str(told)), into=running.folder)
    assert not eventually(lambda: told.read_text().count("\n") > 1, patience_s=4 * IDLE_S)
    assert told.read_text() == f"{SERIES} 6\n"
    again.end()


def test_the_bytes_on_the_wire_are_not_encoded_anew(start: Start, slices: list[Path]) -> None:
    """An element whose value breaks the rules would be changed, or refused, by decoding and encoding it."""
    running = start()
    dataset = dcmread(slices[0])
    dataset.add_new(0x00091010, "UN", b"\x01\x02odd bytes\xff")
    raw = dataset.to_json()
    dataset.save_as(slices[0])
    assert send(running.node, slices[:1]) == [0]
    [kept] = (running.folder / SERIES).glob("*.dcm")
    assert dcmread(kept).to_json() == raw
    assert kept.read_bytes().endswith(slices[0].read_bytes()[-1000:])


def test_a_repetition_is_kept_once_and_another_object_of_the_same_uid_beside_it(
    tmp_path: Path, start: Start, slices: list[Path]
) -> None:
    running = start()
    assert send(running.node, [*slices, *slices[:2]]) == [0] * 8
    assert len(list((running.folder / SERIES).glob("*.dcm"))) == 6
    changed = write_series(tmp_path / "other", size=(6, 256, 256), change=setting("KVP", "80"))
    assert send(running.node, changed[:1]) == [0]
    assert len(list((running.folder / SERIES).glob("*.dcm"))) == 7
    assert running.heard("another object bears the same UID: both are kept")
    assert {str(dcmread(path).KVP) for path in (running.folder / SERIES).glob("*.0*.dcm")} == {"120", "80"}


def test_a_series_is_not_complete_while_its_association_is_open(start: Start, slices: list[Path]) -> None:
    running = start()
    association = associate(running.node)
    assert store(association, slices) == [0] * 6
    assert running.heard("is open, was cut or was refused: waiting")
    assert not any("complete by" in text for text in running.said)
    association.release()
    assert running.heard("complete by all that can be seen, 6 objects")


def test_a_missing_slice_holds_the_series_until_it_comes(tmp_path: Path, start: Start, slices: list[Path]) -> None:
    told = tmp_path / "told"
    running = start(then=(sys.executable, "-c", WRITE_NAMES, str(told)))
    assert send(running.node, [*slices[:2], *slices[3:]]) == [0] * 5
    assert running.heard("1 slice is missing between its first and its last: waiting")
    assert not told.exists()
    assert send(running.node, slices[2:3]) == [0]
    assert eventually(told.exists)
    assert running.heard("complete by all that can be seen, 6 objects")


def test_an_association_cut_in_the_middle_leaves_whole_objects_only(start: Start, slices: list[Path]) -> None:
    running = start()
    with wire_cut_after(running.node, 330_000) as cut:
        assert send(cut, slices, patience_s=5) == [0, 0] + [NO_ANSWER] * 4
    kept = sorted((running.folder / SERIES).glob("*.dcm"))
    assert len(kept) == 2
    assert all(dcmread(path).PixelData for path in kept)
    assert list((running.folder / ".metaspine" / "arriving").iterdir()) == []
    assert running.heard("was cut or was refused: waiting")
    assert not any("complete by" in text for text in running.said)
    assert send(running.node, slices) == [0] * 6
    assert running.heard("complete by all that can be seen, 6 objects")


def test_a_full_disk_is_said_and_keeps_nothing_half(small_disk: Path, start: Start, slices: list[Path]) -> None:
    running = start(into=small_disk / "into")
    statuses = send(running.node, slices)
    stored = statuses.count(0)
    assert 1 <= stored < 6
    assert set(statuses) == {0, 0xA700}
    kept = sorted((running.folder / SERIES).glob("*.dcm"))
    assert len(kept) == stored
    assert all(len(dcmread(path).PixelData) == 2 * 256 * 256 for path in kept)
    assert list((running.folder / ".metaspine" / "arriving").iterdir()) == []
    assert running.heard("could not be stored (No space left on device)")
    assert running.heard("was cut or was refused: waiting")
    assert not any("complete by" in text for text in running.said)


@contextmanager
def listening(node: Node, into: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The command itself, in a process of its own that is gone at the end."""
    command = [sys.executable, "-m", "metaspine", "listen", "--port", str(node.port), "--into", str(into)]
    with subprocess.Popen([*command, "--idle", str(IDLE_S), *words], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_listener_goes_on_from_its_folder(tmp_path: Path, slices: list[Path]) -> None:
    into, told = tmp_path / "into", tmp_path / "told"
    then = f"'{sys.executable}' -c '{WRITE_NAMES}' '{told}'"
    node = Node("METASPINE", "127.0.0.1", free_port())
    with listening(node, into, "--then", then) as first:
        association = _associate_when_up(node)
        assert store(association, slices[:3]) == [0, 0, 0]
        first.kill()
    association.abort()
    (into / ".metaspine" / "arriving" / "1.2.3.dcm.part").write_bytes(b"half")
    with listening(node, into, "--then", then) as second:
        again = _associate_when_up(node)
        assert len(list((into / SERIES).glob("*.dcm"))) == 3
        assert not eventually(told.exists, patience_s=4 * IDLE_S)
        assert store(again, slices) == [0] * 6
        again.release()
        assert eventually(told.exists)
        second.send_signal(signal.SIGINT)
        _, said = second.communicate(timeout=20)
    assert "waiting" in said
    assert "nothing half-written was left" in said
    assert second.returncode == 130
    assert told.read_text() == f"{SERIES} 6\n"
    assert list((into / ".metaspine" / "arriving").iterdir()) == []


def test_a_listener_asked_to_end_lets_the_command_finish(tmp_path: Path, slices: list[Path]) -> None:
    """As a service manager asks: the series is noted as handed on, and not handed on again at the next start."""
    into, begun, done = tmp_path / "into", tmp_path / "begun", tmp_path / "done"
    slowly = "import pathlib, sys, time; " + "; ".join(
        ("pathlib.Path(sys.argv[1]).touch()", "time.sleep(1)", "pathlib.Path(sys.argv[2]).touch()")
    )
    node = Node("METASPINE", "127.0.0.1", free_port())
    with listening(node, into, "--then", f"'{sys.executable}' -c '{slowly}' '{begun}' '{done}'") as process:
        association = _associate_when_up(node)
        assert store(association, slices) == [0] * 6
        association.release()
        assert eventually(begun.exists)
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert done.exists()
    assert "asked to end" in said
    assert (into / ".metaspine" / "handed" / SERIES).exists()


def _associate_when_up(node: Node):
    found = []

    def is_up() -> bool:
        association = associate(node)
        if association.is_established:
            found.append(association)
        return bool(found)

    assert eventually(is_up, patience_s=30)
    return found[0]


def test_a_failing_command_keeps_the_series_and_gets_it_again(tmp_path: Path, start: Start, slices: list[Path]) -> None:
    running = start(then=(sys.executable, "-c", "import sys; sys.exit(7)"))
    assert send(running.node, slices) == [0] * 6
    assert running.heard("ended with exit code 7; it stays in its folder")
    assert len(list((running.folder / SERIES).glob("*.dcm"))) == 6
    running.end()
    told = tmp_path / "told"
    start(then=(sys.executable, "-c", WRITE_NAMES, str(told)), into=running.folder)
    assert eventually(told.exists)


def test_no_shell_runs_the_command(tmp_path: Path) -> None:
    folder = tmp_path / "$(touch never); touch never"
    folder.mkdir()
    told = tmp_path / "told"
    command = command_of(f"'{sys.executable}' -c 'import sys; open(sys.argv[1], \"w\").write(sys.argv[2])' '{told}'")
    assert run(command, folder) == ""
    assert told.read_text() == str(folder)
    assert not Path("never").exists()
    assert "could not be started" in run((str(tmp_path / "absent"),), folder)


@pytest.mark.parametrize(
    ("text", "message"), [("no-such-program-here x", "there is no program"), ("'open", "the command cannot be read")]
)
def test_a_command_that_cannot_run_is_refused_at_once(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        command_of(text)


def test_a_damaged_object_is_refused_and_its_series_waits(start: Start, slices: list[Path], tmp_path: Path) -> None:
    nameless = write_series(tmp_path / "nameless", change=setting("SeriesInstanceUID", ""))[:1]
    running = start()
    assert send(running.node, [*nameless, *slices]) == [0xC000] + [0] * 6
    assert running.heard("SeriesInstanceUID is empty")
    assert running.heard("was cut or was refused: waiting")
    assert [path.name for path in running.folder.iterdir() if path.name != ".metaspine"] == [SERIES]


TOO_MUCH = {
    "items within items": "nested more than 16 deep",
    "a million items in a sequence of stated length": "more than 250000 sequence items",
    "four gigabytes in words": "reaches beyond the end of the file",
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_bomb_is_refused_by_name_and_the_listener_lives_on(start: Start, slices: list[Path], name: str) -> None:
    with slices[2].open("ab") as stream:
        stream.write(BOMBS[name][0])
    running = start()
    association = associate(running.node)
    with bytes_as_they_lie():
        answers = [association.send_c_store(path) for path in slices[1:4]]
    association.release()
    assert [int(answer.Status) for answer in answers] == [0, 0xC000, 0]
    instance = dcmread(slices[2], stop_before_pixels=True).SOPInstanceUID
    [line] = [text for text in running.said if text.startswith("refused")]
    assert instance in line
    assert TOO_MUCH[name] in line
    assert len(list((running.folder / SERIES).iterdir())) == 2
    assert list((running.folder / ".metaspine" / "arriving").iterdir()) == []
    assert running.heard("was cut or was refused: waiting")
    assert send(running.node, write_series(slices[0].parent, size=(6, 256, 256))) == [0] * 6


def test_another_title_is_not_answered(start: Start) -> None:
    running = start()
    association = associate(running.node, title="SOMEBODY")
    assert association.is_rejected


def test_a_port_that_is_taken_is_an_error(start: Start, tmp_path: Path) -> None:
    running = start()
    with pytest.raises(NetworkError, match="the port cannot be opened"):
        listen(running.node, tmp_path / "second", say=running.said.append, stop=running.stop)


def test_what_is_said_names_no_patient(start: Start, tmp_path: Path) -> None:
    def named(dataset, k: int) -> None:
        dataset.PatientName, dataset.PatientID = "SMITH^JOHN", "SMITH-7"

    running = start()
    paths = write_series(tmp_path / "ct", change=named)
    send(running.node, [paths[0], *paths[2:]])
    assert running.heard("missing")
    assert not any("SMITH" in text for text in running.said)
    assert not any("SMITH" in name for _, folders, files in os.walk(running.folder) for name in (*folders, *files))


def test_an_unreadable_file_in_a_series_is_said(start: Start, slices: list[Path]) -> None:
    running = start()
    assert send(running.node, slices[:3]) == [0] * 3
    assert running.heard("complete by all that can be seen, 3 objects")
    [first, *_] = sorted((running.folder / SERIES).glob("*.dcm"))
    first.write_bytes(b"damaged on the disk")
    assert send(running.node, slices[3:]) == [0] * 3
    assert running.heard("not handed on")
    with pytest.raises(ImageError):
        read_scan(running.folder / SERIES)
