"""Files and folders are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaspine.errors import OutputError
from metaspine.running import require_writable, whole_file, whole_folder


def test_a_file_appears_whole(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert not (tmp_path / "a.txt").exists()
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")

    def write_half() -> None:
        with whole_file(tmp_path / "a.txt") as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_failure_leaves_no_folder(tmp_path: Path) -> None:
    def write_half() -> None:
        with whole_folder(tmp_path / "report") as temporary:
            (temporary / "plan.json").write_text("{", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_takes_the_place_of_its_files_and_keeps_others(tmp_path: Path) -> None:
    target = tmp_path / "report"
    target.mkdir()
    (target / "notes.txt").write_text("mine", encoding="utf-8")
    (target / "plan.json").write_text("old", encoding="utf-8")
    with whole_folder(target) as temporary:
        (temporary / "plan.json").write_text("new", encoding="utf-8")
    assert (target / "plan.json").read_text(encoding="utf-8") == "new"
    assert sorted(path.name for path in target.iterdir()) == ["notes.txt", "plan.json"]


@pytest.mark.parametrize("writing", [whole_file, whole_folder, require_writable])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, writing: object) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")

    def write() -> None:
        context = writing(tmp_path / "file" / "report")  # type: ignore[operator]
        if context is not None:
            with context:
                pass

    with pytest.raises(OutputError, match="file/report: cannot be written"):
        write()


def test_asking_whether_a_folder_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
