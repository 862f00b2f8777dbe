"""A Monte Carlo run kept on disk, so that it can go on after an interruption with the bits of an uninterrupted one.

A checkpoint holds what the batches so far have scored, and digests of everything that shaped it: scan, plan,
applicator, output, tissues as the photons see them, sampling, engine. A run of another kind refuses it by name. The
file is a zip of plain arrays; it is written whole or not at all.
"""

from __future__ import annotations

import json
import platform
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.reference_run import Run
from metaspine.errors import Cancelled, InputError, OutputError
from metaspine.running import whole_file
from metaspine.transport.scatter import Tally
from metaspine.version import __version__

FORMAT = 1
_HEADER = "header"
_ARRAYS = ("sums", "squares")
_SHOWN_DIGITS = 12
_START_ANEW = "Delete it to start anew, or give the scan, plan and settings of the run it was made by"


@dataclass(frozen=True)
class CheckpointFile:
    """Where a run is kept.

    Parameters
    ----------
    path
        The file. It is left when the run has done what was asked for, with all of it: whoever has the results in safety
        deletes it.
    resume
        Go on from it. Without this a file that lies there already is not touched, and the run is refused.
    every_s
        How often it is written; it is written too when the run is stopped.
    """

    path: Path
    resume: bool = False
    every_s: float = 30.0


Kept = Callable[[Sequence[Run]], None]


@contextmanager
def keeping(
    checkpoint: CheckpointFile | None, irradiation: Irradiation, runs: Sequence[Run]
) -> Iterator[tuple[Sequence[Run], Kept]]:
    """Yield the runs to go on with, and what is to be told of them after every round.

    When the work is done or is stopped from outside, the runs last told of are written.

    Raises
    ------
    InputError
        When there is nothing to resume, the checkpoint is another run's or damaged, or one lies there unasked.
    OutputError
        When the file cannot be written.
    """
    if checkpoint is None:
        yield runs, lambda _: None
        return
    identity = identity_of(irradiation, runs)
    resumed = _resumed(checkpoint, identity, runs)
    latest, written_at = list(resumed), time.monotonic()

    def kept(now: Sequence[Run]) -> None:
        nonlocal written_at
        latest[:] = now
        if time.monotonic() - written_at >= checkpoint.every_s:
            write_checkpoint(checkpoint.path, identity, now)
            written_at = time.monotonic()

    try:
        yield resumed, kept
    except (Cancelled, KeyboardInterrupt):
        write_checkpoint(checkpoint.path, identity, latest)
        raise
    write_checkpoint(checkpoint.path, identity, latest)


def identity_of(irradiation: Irradiation, runs: Sequence[Run]) -> Mapping[str, str]:
    """Return digests of what shapes a run, by what a person would call it."""
    dwells = [(dwell.isocentre_mm, dwell.direction, dwell.time_s) for dwell in irradiation.dwells]
    grid = irradiation.grid
    return {
        "scan": irradiation.scan_sha256,
        "plan": digest(dwells, grid.affine, grid.shape, grid.frame_of_reference),
        "applicator": digest(irradiation.applicator, [run.source for run in runs]),
        "output": digest(irradiation.output.depth_dose),
        "tissues": digest([run.medium for run in runs]),
        "sampling": digest([_drawn(run) for run in runs]),
        "engine": engine_digest(),
    }


def _drawn(run: Run) -> list[Any]:
    """Return what decides how a run is drawn: all that is neither its surroundings nor what it has gathered."""
    others = ("medium", "source", "primary", "tally")
    return [getattr(run, field.name) for field in fields(run) if field.name not in others]


def digest(*values: Any) -> str:
    """Return the SHA-256 of values: arrays by their bits, everything else by its fields or its text."""
    total = sha256()
    for value in values:
        total.update(_bits(value))
    return total.hexdigest()


@cache
def engine_digest() -> str:
    """Return the SHA-256 of the transport steps, and of what compiles and runs them."""
    steps = [item.read_bytes() for item in _sources()]
    return digest(__version__, version("numba"), version("numpy"), platform.machine(), *steps)


def write_checkpoint(path: Path, identity: Mapping[str, str], runs: Sequence[Run]) -> None:
    """Write what the runs have scored so far, whole or not at all.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    header = {
        "metaspine_checkpoint": FORMAT,
        "identity": dict(identity),
        "tallies": [{"batches": run.tally.batches, "photons": run.tally.photons} for run in runs],
    }
    arrays = {f"{name}_{place}": getattr(run.tally, name) for place, run in enumerate(runs) for name in _ARRAYS}
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **{_HEADER: np.array(json.dumps(header))}, **arrays)


def read_checkpoint(path: Path) -> tuple[Mapping[str, str], tuple[Tally, ...]]:
    """Return the identity and the tallies of a checkpoint.

    Raises
    ------
    InputError
        When it cannot be read, or is damaged or of another format.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            header = json.loads(str(stored[_HEADER]))
            found = header["metaspine_checkpoint"]
            tallies = tuple(
                Tally(counts["batches"], counts["photons"], *(stored[f"{name}_{place}"] for name in _ARRAYS))
                for place, counts in enumerate(header["tallies"] if found == FORMAT else ())
            )
    except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            f"is no readable checkpoint ({type(error).__name__})", where=str(path), remedy="Delete it and start anew"
        ) from error
    if found != FORMAT:
        raise InputError(
            f"is a checkpoint of format {found}, this program reads {FORMAT}", where=str(path), remedy=_START_ANEW
        )
    return header["identity"], tallies


def require_usable(checkpoint: CheckpointFile) -> None:
    """Make sure before long work that a run can be kept, or resumed, where it is asked to be.

    Raises
    ------
    InputError
        When a checkpoint lies there unasked, or none does where it is to be resumed.
    OutputError
        When its folder does not exist.
    """
    path = checkpoint.path
    if not path.parent.is_dir():
        raise OutputError(
            "the checkpoint's folder does not exist", where=str(path.parent), remedy="Choose a folder that exists"
        )
    if checkpoint.resume and not path.is_file():
        raise InputError("there is no checkpoint to resume", where=str(path), remedy="Start the run without resuming")
    if path.exists() and not checkpoint.resume:
        raise InputError(
            "the checkpoint of an earlier run lies here",
            where=str(path),
            remedy="Resume it, or delete it to start anew",
        )


def _resumed(checkpoint: CheckpointFile, identity: Mapping[str, str], runs: Sequence[Run]) -> Sequence[Run]:
    path = checkpoint.path
    require_usable(checkpoint)
    if not checkpoint.resume:
        return runs
    of_file, tallies = read_checkpoint(path)
    others = [name for name, own in identity.items() if of_file.get(name) != own]
    if others:
        known = "; ".join(f"{name} {of_file.get(name, 'unknown')[:_SHOWN_DIGITS]}" for name in others)
        raise InputError(
            f"the checkpoint belongs to another run: not the same {', '.join(others)} (there: {known})",
            where=str(path),
            remedy=_START_ANEW,
        )
    _refuse_other_shapes(path, tallies, runs)
    return [replace(run, tally=tally) for run, tally in zip(runs, tallies, strict=True)]


def _refuse_other_shapes(path: Path, tallies: Sequence[Tally], runs: Sequence[Run]) -> None:
    there = [(tally.sums.shape, tally.squares.shape, tally.sums.dtype) for tally in tallies]
    here = [(run.tally.sums.shape, run.tally.squares.shape, run.tally.sums.dtype) for run in runs]
    if there != here:
        raise InputError("its arrays are not those of this run", where=str(path), remedy="Delete it and start anew")


def _sources() -> list[Any]:
    room = files("metaspine.transport")
    return sorted((item for item in room.iterdir() if item.name.endswith(".py")), key=lambda item: item.name)


def _bits(value: Any) -> bytes:
    """Return what stands for a value, with its kind, so that no two kinds can be taken for one another."""
    if isinstance(value, np.ndarray):
        return f"<{value.dtype.str}{value.shape}>".encode() + np.ascontiguousarray(value).tobytes()
    if isinstance(value, bytes):
        return b"<bytes>" + value
    if is_dataclass(value):
        return (
            b"<" + b"".join(field.name.encode() + _bits(getattr(value, field.name)) for field in fields(value)) + b">"
        )
    if isinstance(value, tuple | list):
        return b"(" + b",".join(_bits(item) for item in value) + b")"
    return f"<{value!r}>".encode()
