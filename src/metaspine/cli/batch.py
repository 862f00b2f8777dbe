"""``metaspine batch``: a table or a folder of cases to a table of advice; bad rows are reported, the rest is done."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from metaspine.cli.console import messages, progress_bar
from metaspine.cli.exit_codes import ExitCode
from metaspine.errors import CaseError, InputError
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.running import Progress, whole_file

_SHOWN_FAULTS = 20
_PROGRESS_AFTER_S = 1.0


@dataclass(frozen=True)
class BatchRequest:
    """What the command line asks for."""

    cases: Path
    to: Path
    columns: str | None = None
    """Names with commas between; None takes all of them."""
    policy: Path | None = None
    errors: Path | None = None


@dataclass
class _Counts:
    patients: int = 0
    rows: int = 0
    faults: list[CaseError] = field(default_factory=list)
    """The first ones, as many as are shown."""
    bad: int = 0


def batch_command(request: BatchRequest) -> ExitCode:
    """Assess every case and write the table whole or not at all.

    Returns
    -------
    ExitCode
        REFUSED where some of the cases could not be used; their rows and reasons are said.

    Raises
    ------
    CaseError
        When the table as a whole cannot be used.
    """
    from metaspine.exchange.policy_file import read_board_policy

    policy = DEFAULT_POLICY if request.policy is None else read_board_policy(request.policy)
    columns = _columns(request.columns)
    _require_other_files(request)
    counts = _Counts()
    with ExitStack() as open_files:
        table = open_files.enter_context(_table(request.to, ["id", *columns]))
        errors = None
        if request.errors is not None:
            errors = open_files.enter_context(_table(request.errors, ["id", "row", "where", "what", "remedy"]))
        tell = open_files.enter_context(_progress_after_a_second())
        _assess_all(request.cases, policy, columns, (table, errors), counts, tell)
    _report(request, counts)
    return ExitCode.REFUSED if counts.bad else ExitCode.DONE


def _assess_all(
    cases: Path, policy: BoardPolicy, columns: tuple[str, ...], tables: tuple[Any, Any], counts: _Counts, tell: Progress
) -> None:
    from metaspine.assessment import assess
    from metaspine.assessment.advice_table import advice_rows
    from metaspine.exchange.case_table import cases_in

    table, errors = tables
    for read in cases_in(cases):
        counts.patients += 1
        if read.case is not None:
            for cells in advice_rows(read.case, assess(read.case, policy), columns):
                table.writerow([read.id, *cells])
                counts.rows += 1
        elif read.fault is not None:
            _count_fault(read.fault, counts)
            if errors is not None:
                errors.writerow([read.id, read.row, read.fault.where, read.fault.what, read.fault.remedy])
        tell("assessing", read.share_read)


def _count_fault(fault: CaseError, counts: _Counts) -> None:
    counts.bad += 1
    if len(counts.faults) < _SHOWN_FAULTS:
        counts.faults.append(fault)


def _columns(written: str | None) -> tuple[str, ...]:
    from metaspine.assessment.advice_table import COLUMNS, score_columns

    if written is None:
        return tuple(COLUMNS)
    names = tuple(name.strip() for name in written.split(",") if name.strip())
    known = (*COLUMNS, *score_columns())
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1, cutoff=0.5)
            meant = f"Did you mean {near[0]}? " if near else ""
            remedy = (
                f"{meant}The columns are {', '.join(COLUMNS)}, and every name of `metaspine scores`, alone and with "
                "_reachable or _meaning; id always stands first"
            )
            raise InputError(f"there is no column {name!r}", where="--columns", remedy=remedy)
    return names


def _require_other_files(request: BatchRequest) -> None:
    """Refuse to write over what is read."""
    files = [path.resolve() for path in (request.cases, request.to, request.errors, request.policy) if path is not None]
    if len(set(files)) < len(files):
        raise InputError(
            "two of the files are the same", where="metaspine batch", remedy="Name different files to read and to write"
        )


@contextmanager
def _table(path: Path, header: list[str]) -> Iterator[Any]:
    with whole_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        yield writer


@contextmanager
def _progress_after_a_second() -> Iterator[Progress]:
    """Show progress only of work that takes longer than a second."""
    started = time.monotonic()
    with ExitStack() as bar:
        shown: list[Progress] = []

        def tell(step: str, fraction: float) -> None:
            if not shown and time.monotonic() - started > _PROGRESS_AFTER_S:
                shown.append(bar.enter_context(progress_bar()))
            if shown:
                shown[0](step, fraction)

        yield tell


def _report(request: BatchRequest, counts: _Counts) -> None:
    done = counts.patients - counts.bad
    messages.print(
        f"{done} of {counts.patients} patients, {counts.rows} rows: {request.to}",
        markup=False,
        highlight=False,
    )
    if not counts.bad:
        return
    messages.print(f"{counts.bad} could not be used:", markup=False, highlight=False)
    for fault in counts.faults:
        messages.print(f"· {fault}", markup=False, highlight=False)
    if counts.bad > len(counts.faults):
        more = counts.bad - len(counts.faults)
        messages.print(f"· and {more} more; --errors FILE writes all of them", markup=False, highlight=False)
