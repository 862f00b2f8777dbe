"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from metaspine.errors import OutputError

_REMEDY = "Choose a folder that exists and that you may write to, on a disk with space"


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes the place of ``path``, on failure it vanishes.

    Raises
    ------
    OutputError
        When the folder is missing or cannot be written to.
    """
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.stem}-", suffix=target.suffix, dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=str(target), remedy=_REMEDY) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(target)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=str(target), remedy=_REMEDY) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Yield a temporary folder; on success each file in it moves into ``path``, else it vanishes.

    The temporary folder lies inside ``path`` where that exists (its parent need not be writable), else beside it.
    Files of other names that already lie in ``path`` stay.

    Raises
    ------
    OutputError
        When the folder cannot be written to, or a folder bears the name of a file to be written: then nothing moves.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        place = target if target.is_dir() else target.parent
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=place))
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=str(target), remedy=_REMEDY) from error
    try:
        yield temporary
        items = sorted(temporary.iterdir())
        _refuse_folders([target / item.name for item in items])
        target.mkdir(exist_ok=True)
        for item in items:
            item.replace(target / item.name)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=str(target), remedy=_REMEDY) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def require_writable(folder: Path | str) -> None:
    """Make sure before long work that its results can be written into ``folder``; nothing is left behind.

    Raises
    ------
    OutputError
        When the folder, or the nearest one above it that exists, cannot be written to.
    """
    target = Path(folder)
    place = next(path for path in (target, *target.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=place):
            pass
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=str(target), remedy=_REMEDY) from error


def _refuse_folders(paths: list[Path]) -> None:
    for path in paths:
        if path.is_dir():
            raise OutputError("a folder bears this name", where=str(path), remedy="Move it away or write elsewhere")
