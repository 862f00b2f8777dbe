"""Handing on what arrived: when a series is complete, a command gets its folder."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from time import monotonic

from metaspine.errors import ImageError, InputError
from metaspine.exchange.network.completeness import Visit, missing_slices, settled
from metaspine.exchange.network.received import Identity, ct_places
from metaspine.exchange.network.spool import How, Kept, Spool

Say = Callable[[str], None]
VisitsOf = Callable[[str], Sequence[Visit]]
_LONG_AGO = float("-inf")


def command_of(text: str) -> tuple[str, ...]:
    """Return a command's words as a shell would split them; no shell will run it.

    Raises
    ------
    InputError
        When a quotation mark is left open, or there is no such program.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise InputError(f"the command cannot be read ({error})", where=text, remedy="Close it") from error
    if words and shutil.which(words[0]) is None:
        raise InputError(f"there is no program {words[0]}", where=text, remedy="Give its full path, or install it")
    return words


class Handing:
    """What of a spool is still to be handed on.

    Parameters
    ----------
    then
        The command; the series' folder becomes its last argument. Without one a complete series is only told.
    say
        Told each thing once, without anything that names the patient.
    """

    def __init__(self, spool: Spool, *, then: Sequence[str], idle_s: float, say: Say) -> None:
        self._spool, self._then, self._idle_s, self._say = spool, tuple(then), idle_s, say
        self._waiting: dict[str, float] = {series: monotonic() for series in spool.series() if self._new_in(series)}
        self._cut_before = set(spool.unfinished())
        """What an earlier run of the program did not see the end of."""
        self._lock = Lock()
        self._said: dict[str, str] = {}

    def came(self, identity: Identity, kept: Kept) -> None:
        """Take note of an object that was kept."""
        if kept.how is How.ANOTHER:
            self._say(f"{identity.instance} of series {identity.series}: {kept.how.value} ({kept.path.name})")
        with self._lock:
            self._waiting[identity.series] = monotonic()

    def round(self, visits_of: VisitsOf) -> tuple[str, ...]:
        """Hand on each series that is complete by now; return those that were looked at."""
        with self._lock:
            quiet = [series for series, last_s in self._waiting.items() if monotonic() - last_s >= self._idle_s]
        ready = [series for series in quiet if self._is_settled(series, visits_of)]
        for series in set(quiet) - set(ready):
            self._say_once(series, "a connection that brought some of it is open, was cut or was refused: waiting")
        for series in ready:
            self._look(series, visits_of)
        return tuple(ready)

    def _is_settled(self, series: str, visits_of: VisitsOf) -> bool:
        before = [Visit(_LONG_AGO, _LONG_AGO, whole=False)] if series in self._cut_before else []
        return settled((*before, *visits_of(series)))

    def _look(self, series: str, visits_of: VisitsOf) -> None:
        """Hand a series on, or say what it lacks; either way it waits no longer unless something more of it comes."""
        with self._lock:
            self._waiting.pop(series)
        self._spool.finish(series)
        if not self._is_settled(series, visits_of):
            self._spool.begin(series)
            with self._lock:
                self._waiting.setdefault(series, monotonic())
            return
        self._cut_before.discard(series)
        paths = self._spool.objects(series)
        if not self._new_in(series):
            return
        try:
            missing = missing_slices(ct_places(paths))
        except ImageError as error:
            self._say_once(series, f"not handed on: {error}")
            return
        if missing:
            slices = "slice is" if missing == 1 else "slices are"
            self._say_once(series, f"{missing} {slices} missing between its first and its last: waiting")
            return
        self._hand_on(series, frozenset(path.name for path in paths))

    def _hand_on(self, series: str, names: frozenset[str]) -> None:
        folder = self._spool.folder / series
        self._say(f"series {series}: complete by all that can be seen, {len(names)} objects in {folder}")
        if self._then and (trouble := run(self._then, folder)):
            self._say(f"series {series}: {trouble}; it stays in its folder and is handed on again at a restart")
            return
        try:
            self._spool.note_handed(series, names)
        except OSError as error:
            self._say(f"series {series}: that it was handed on could not be noted ({error.strerror})")

    def _new_in(self, series: str) -> bool:
        names = {path.name for path in self._spool.objects(series)}
        return bool(names) and names != self._spool.handed(series)

    def _say_once(self, series: str, what: str) -> None:
        if self._said.get(series) != what:
            self._said[series] = what
            self._say(f"series {series}: {what}")


def run(command: Sequence[str], folder: Path) -> str:
    """Run a command with a folder as its last argument, without a shell; return what went wrong, empty for nothing."""
    try:
        ended = subprocess.run([*command, str(folder)], check=False)  # noqa: S603 - the user's own command
    except OSError as error:
        return f"{command[0]} could not be started ({error.strerror})"
    return f"{command[0]} ended with exit code {ended.returncode}" if ended.returncode else ""
