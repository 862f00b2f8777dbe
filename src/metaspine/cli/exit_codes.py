"""What the program's exit codes mean; documented in docs/command-line.md and in ``metaspine --help``."""

from __future__ import annotations

from enum import IntEnum

from metaspine.errors import Cancelled, LevelError, MetaspineError, NotEligible, NoTrajectory, OutputError


class ExitCode(IntEnum):
    """What a shell script learns from how the program ended."""

    DONE = 0
    DEFECT = 1
    """A defect of the program itself."""
    USAGE = 2
    """The command line could not be understood."""
    REFUSED = 3
    """The input was read, and the answer is no: not eligible, wrong level, no trajectory, another time."""
    INPUT = 4
    """A file or value cannot be used; the message says which, where and what to do."""
    OUTPUT = 5
    """A result could not be written; nothing half-written was left."""
    CANCELLED = 130
    """Stopped from outside."""


def exit_code(error: MetaspineError) -> ExitCode:
    """Return the exit code that an error ends the program with."""
    if isinstance(error, Cancelled):
        return ExitCode.CANCELLED
    if isinstance(error, OutputError):
        return ExitCode.OUTPUT
    if isinstance(error, NotEligible | NoTrajectory | LevelError):
        return ExitCode.REFUSED
    return ExitCode.INPUT
