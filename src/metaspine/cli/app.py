"""The program: its commands in the order of its help. Each imports what it needs when it runs, to start fast."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from metaspine.cli.console import DISCLAIMER, messages, show_error
from metaspine.cli.decision import assess, batch, evidence, fhir, policy, rules, schema, scores, serve
from metaspine.cli.exit_codes import ExitCode, exit_code
from metaspine.cli.images import deidentify, export, scan
from metaspine.cli.network import archive_app, listen
from metaspine.cli.registering import register
from metaspine.cli.treatment import dose, filtration, plan, time
from metaspine.errors import MetaspineError
from metaspine.version import __version__

EXIT_CODES = (
    "Exit codes: 0 done · 2 command line not understood · 3 refused (not eligible, wrong level, no trajectory, "
    "console time differs, some rows of a batch unusable) · "
    "4 input cannot be used · 5 output cannot be written · 130 stopped · 1 a defect of the program."
)

app = typer.Typer(
    name="metaspine",
    help=f"Assess, plan, irradiate and follow spinal metastases. {DISCLAIMER}",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"metaspine {__version__}")
        raise typer.Exit


_COMMANDS: tuple[Callable[..., None], ...] = (
    *(assess, scores, fhir, serve, listen, schema, evidence, policy, batch, rules),
    *(scan, export, deidentify, register, plan, dose, time, filtration),
)
for command in _COMMANDS:
    app.command()(command)
app.add_typer(archive_app, name="archive")


def main() -> None:
    """Run the program; every foreseen error ends in one message and a documented exit code."""
    try:
        app()
    except MetaspineError as error:
        show_error(error)
        sys.exit(exit_code(error))
    except SystemExit as ended:
        if ended.code == ExitCode.CANCELLED:
            messages.print("Stopped by you; nothing half-written was left.")
        raise
