"""The folder that keeps what was received."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from metaspine.errors import ImageError, InputError, OutputError
from metaspine.exchange.network.received import Identity, identity_of
from metaspine.exchange.network.spool import How, Spool

ONE = Identity("1.2", "1.2.3", "1.2.4")


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


def test_the_bytes_are_kept_as_they_came(tmp_path: Path) -> None:
    with Spool(tmp_path / "in") as spool:
        kept = spool.keep(b"as they came", ONE)
        assert (kept.how, kept.path.read_bytes()) == (How.NEW, b"as they came")
        assert spool.series() == ("1.2.4",)
        assert [path.name for path in spool.objects("1.2.4")] == ["1.2.3.dcm"]
    assert stat.S_IMODE((tmp_path / "in").stat().st_mode) == 0o700


def test_the_same_bytes_are_kept_once_and_other_bytes_beside_them(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        first = spool.keep(b"one", ONE)
        assert spool.keep(b"one", ONE).how is How.REPEATED
        other = spool.keep(b"two", ONE)
        assert (other.how, other.path.name) == (How.ANOTHER, "1.2.3_2.dcm")
        assert spool.keep(b"two", ONE) == type(other)(other.path, How.REPEATED)
        assert spool.keep(b"three", ONE).path.name == "1.2.3_3.dcm"
        assert first.path.read_bytes() == b"one"
        assert len(spool.objects("1.2.4")) == 3


def test_an_object_whose_uid_begins_like_anothers_is_not_taken_for_its_copy(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.keep(b"one", Identity("1.2", "1.2.3.4", "1.2.4"))
        assert spool.keep(b"two", ONE).how is How.NEW


@pytest.mark.parametrize("step", ["fsync", "write"])
def test_a_failing_disk_leaves_nothing_half_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Spool(tmp_path) as spool:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", full) if step == "fsync" else broken.setattr(Path, "replace", full)
            with pytest.raises(OSError, match="No space left"):
                spool.keep(b"lost", ONE)
        assert everything_in(tmp_path) == set()
        assert spool.series() == ()
        assert spool.keep(b"sent again", ONE).how is How.NEW


def test_what_was_under_way_when_it_was_killed_is_taken_away(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.begin("1.2.4")
        spool.keep(b"whole", ONE)
    (tmp_path / ".metaspine" / "arriving" / "1.2.9.dcm.part").write_bytes(b"ha")
    with Spool(tmp_path) as again:
        assert everything_in(tmp_path) == {"1.2.4/1.2.3.dcm", ".metaspine/unfinished/1.2.4"}
        assert again.unfinished() == {"1.2.4"}
        again.finish("1.2.4")
        assert again.unfinished() == frozenset()


def test_what_was_handed_on_is_remembered(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        assert spool.handed("1.2.4") == frozenset()
        spool.note_handed("1.2.4", frozenset({"a.dcm", "b.dcm"}))
    with Spool(tmp_path) as again:
        assert again.handed("1.2.4") == {"a.dcm", "b.dcm"}
        assert again.series() == ()


def test_a_folder_has_one_listener(tmp_path: Path) -> None:
    with (
        Spool(tmp_path),
        pytest.raises(InputError, match="another metaspine is receiving into this folder") as refused,
    ):
        Spool(tmp_path)
    assert str(tmp_path) in str(refused.value)
    with Spool(tmp_path):
        pass


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Spool(tmp_path / "file")


def test_a_path_for_a_uid_is_refused() -> None:
    from io import BytesIO

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    def file_of(series: str) -> bytes:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3"
        dataset.add_new("SeriesInstanceUID", "LO", series)
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        return stream.getvalue()

    assert identity_of(file_of("1.2.4"), "1.2.3") == Identity(CTImageStorage, "1.2.3", "1.2.4")
    for path in ("../1.2", "1.2/3", "..", "a"):
        with pytest.raises(ImageError, match=r"SeriesInstanceUID is .* which is no UID"):
            identity_of(file_of(path), "1.2.3")
    with pytest.raises(ImageError, match="SeriesInstanceUID is empty"):
        identity_of(file_of(""), "1.2.3")
    with pytest.raises(ImageError, match=r"1\.2\.3: is truncated or malformed DICOM"):
        identity_of(b"no DICOM at all", "1.2.3")
