"""A folder that keeps received objects: each whole, on disk before it is acknowledged, one folder a series.

The folder is the state. What is under way lies in ``.metaspine`` inside it, so that a listener that was killed goes on
where it was: ``unfinished`` names series of which a connection brought something and did not end properly, ``handed``
what of a series was handed on.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from threading import RLock

from metaspine.errors import InputError, OutputError
from metaspine.exchange.network.received import Identity

_STATE = ".metaspine"


class How(Enum):
    """How an object was kept."""

    NEW = "new"
    REPEATED = "repeated: the same bytes were there already"
    ANOTHER = "another object bears the same UID: both are kept"


@dataclass(frozen=True)
class Kept:
    """Where an object lies, and whether it was there before."""

    path: Path
    how: How


class Spool:
    """The folder, held by one process at a time.

    Raises
    ------
    OutputError
        When the folder cannot be made or written to.
    InputError
        When another process holds it.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._state = self.folder / _STATE
        self._arriving, self._unfinished, self._handed = (
            self._state / name for name in ("arriving", "unfinished", "handed")
        )
        self._one_writer = RLock()
        try:
            if not self.folder.exists():
                self.folder.mkdir(parents=True, mode=0o700)
            for place in (self._arriving, self._unfinished, self._handed):
                place.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror})",
                where=str(self.folder),
                remedy="Choose a folder that you may write to, on a disk with space",
            ) from error
        self._take()
        for part in self._arriving.iterdir():
            part.unlink()

    def _take(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise InputError(
                "another metaspine is receiving into this folder",
                where=str(self.folder),
                remedy="Stop it, or choose another folder",
            ) from error

    def __enter__(self) -> Spool:
        """Return the spool itself, for ``with``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the folder."""
        os.close(self._lock)

    def keep(self, raw: bytes, identity: Identity) -> Kept:
        """Keep an object's bytes: when this returns, they are on the disk, and never half of them.

        Raises
        ------
        OSError
            When the disk is full or fails.
        """
        folder = self.folder / identity.series
        with self._one_writer:
            copies = sorted((*folder.glob(f"{identity.instance}.dcm"), *folder.glob(f"{identity.instance}_*.dcm")))
            for copy in copies:
                if copy.stat().st_size == len(raw) and copy.read_bytes() == raw:
                    _to_disk(copy)
                    _to_disk(folder)
                    return Kept(copy, How.REPEATED)
            name = f"{identity.instance}_{len(copies) + 1}.dcm" if copies else f"{identity.instance}.dcm"
            self._write_into(folder, name, raw)
        return Kept(folder / name, How.ANOTHER if copies else How.NEW)

    def series(self) -> tuple[str, ...]:
        """Return the UIDs of the series of which something was kept."""
        return tuple(sorted(path.name for path in self.folder.iterdir() if path.is_dir() and path.name != _STATE))

    def objects(self, series: str) -> tuple[Path, ...]:
        """Return the files of a series."""
        return tuple(sorted((self.folder / series).glob("*.dcm")))

    def begin(self, series: str) -> None:
        """Note, on the disk, that a connection is bringing something of a series.

        Raises
        ------
        OSError
            When the disk is full or fails.
        """
        with self._one_writer:
            if not (self._unfinished / series).exists():
                self._write_into(self._unfinished, series, b"")

    def finish(self, series: str) -> None:
        """Note that every connection that brought something of a series ended properly."""
        with self._one_writer:
            (self._unfinished / series).unlink(missing_ok=True)

    def unfinished(self) -> frozenset[str]:
        """Return the series of which a connection brought something and has not ended properly."""
        return frozenset(path.name for path in self._unfinished.iterdir())

    def note_handed(self, series: str, names: frozenset[str]) -> None:
        """Note which files of a series were handed on.

        Raises
        ------
        OSError
            When the disk is full or fails.
        """
        with self._one_writer:
            self._write_into(self._handed, series, "\n".join(sorted(names)).encode("utf-8"))

    def handed(self, series: str) -> frozenset[str]:
        """Return the names of the files of a series that were handed on."""
        try:
            return frozenset((self._handed / series).read_text(encoding="utf-8").split())
        except FileNotFoundError:
            return frozenset()

    def _write_into(self, folder: Path, name: str, content: bytes) -> None:
        """Write a file that is there whole after a power cut, or not at all.

        At the end nothing lies beside its place any more, and a folder made for it is gone where it stayed empty.
        """
        part = self._arriving / f"{name}.part"
        made = not folder.exists()
        try:
            if made:
                folder.mkdir()
                _to_disk(folder.parent)
            with part.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(folder / name)
            _to_disk(folder)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    folder.rmdir()


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
