"""The commands for images and DICOM: ``scan`` to ``register``. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaspine.cli.options import Json, Labels, ScanPath, Series, Structures


def scan(
    path: Annotated[Path, typer.Argument(help="A DICOM folder or a NIfTI file.", show_default=False)],
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    json_output: Json = False,
) -> None:
    """Read a scan and say what is in it: geometry, structures, what was corrected, what could not be read."""
    from metaspine.cli.scan import scan_command

    scan_command(path, structures=structures or [], labels=labels, series=series, json_output=json_output)


def export(
    plan: Annotated[Path, typer.Argument(help="The folder that metaspine plan wrote.", show_default=False)],
    *,
    scan: ScanPath,
    to: Annotated[Path, typer.Option("--to", help="The folder to write the DICOM objects into.")],
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    applicator: Annotated[str | None, typer.Option("--applicator", help="Its file, where it is your own.")] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="The device's file, where it is not where the plan says.")
    ] = None,
    bits: Annotated[int, typer.Option("--bits", help="Of a dose value: 16 or 32.")] = 32,
    monte_carlo: Annotated[
        str | None,
        typer.Option("--monte-carlo", help="The Monte Carlo dose too, with its noise: to medium, water or both."),
    ] = None,
    run: Annotated[Path | None, typer.Option("--run", help="Where that run lies, where not beside the plan.")] = None,
    effective: Annotated[
        str | None,
        typer.Option(
            "--effective", help="The console dose too as type EFFECTIVE: rbe (weighted), or eqd2 (of the cord)."
        ),
    ] = None,
    rbe: Annotated[
        float | None, typer.Option("--rbe", help="Its biological effectiveness; 1.3 unless stated (RBE-01).")
    ] = None,
    console_uncertainty: Annotated[
        bool, typer.Option("--console-uncertainty", help="The console dose's uncertainty too.")
    ] = False,
    seg: Annotated[bool, typer.Option("--seg", help="The structures as segments (SEG) too.")] = False,
) -> None:
    """Write a plan as DICOM: RTPLAN, RTSTRUCT, RTDOSE and its report, which refer to each other. Never approved.

    Each dose is an object and a series of its own; console dose and Monte Carlo dose never stand in one.
    """
    from metaspine.cli.export import ExportRequest, export_command

    request = ExportRequest(
        plan=plan,
        scan=scan,
        structures=tuple(structures or ()),
        labels=labels,
        series=series,
        applicator=applicator,
        calibration=calibration,
        bits=bits,
        monte_carlo=monte_carlo,
        run=run,
        effective=effective,
        rbe=rbe,
        console_uncertainty=console_uncertainty,
        segments=seg,
        to=to,
    )
    export_command(request)


def deidentify(
    folder: Annotated[
        Path, typer.Argument(help="A folder of DICOM files, with anything below it.", show_default=False)
    ],
    to: Annotated[Path, typer.Option("--to", help="The folder to write into; outside the first.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="A file of random bytes that keeps several runs together.", show_default=False),
    ] = None,
) -> None:
    """Write DICOM objects without identity (PS3.15 basic profile); dates move together, pixels stay as they are."""
    from metaspine.cli.deidentify import deidentify_command

    deidentify_command(folder, to, key)
