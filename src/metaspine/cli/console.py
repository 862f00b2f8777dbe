"""How the command line speaks: results on standard output, everything else on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from metaspine.errors import MetaspineError
from metaspine.running import Progress as ProgressListener

DISCLAIMER = "Decision support for research; multidisciplinary review required."

results = Console(soft_wrap=False, markup=False, emoji=False)
messages = Console(stderr=True, markup=False, emoji=False)
"""Names from files are printed as they are: a region may be called "GTV [old]" and a folder "[/]"."""


@contextmanager
def progress_bar() -> Iterator[ProgressListener]:
    """Show the steps of long work on standard error and yield the listener that is told of them.

    On a terminal it is a moving bar; elsewhere (a log, a pipe) each step is one line.
    """
    if not messages.is_terminal:
        yield _StepLines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def listen(step: str, fraction: float) -> None:
            bar.update(task, description=step, completed=fraction)

        yield listen


class _StepLines:
    """Names each step once, for output that is not a terminal."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, step: str, fraction: float) -> None:  # noqa: ARG002 - a listener is told both
        if step != self._last:
            self._last = step
            messages.print(f"· {step}", style="dim", highlight=False)


def show_error(error: MetaspineError) -> None:
    """Print one clear error: what was found, where, and what to do."""
    messages.print("Stopped:", style="bold red", end=" ")
    messages.print(f"{error.where}: {error.what}" if error.where else error.what, markup=False, highlight=False)
    if error.remedy:
        messages.print(f"→ {error.remedy}", style="cyan", markup=False, highlight=False)
