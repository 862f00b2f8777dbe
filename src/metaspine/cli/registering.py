"""The command ``register`` as it is typed. It imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaspine.cli.options import Json, Labels, Series, Structures


def register(
    planning: Annotated[Path, typer.Argument(help="The planning CT or MR: a DICOM folder, NIfTI or NRRD.")],
    *,
    to: Annotated[Path, typer.Option("--to", help="The second image.")],
    level: Annotated[str, typer.Option("--level", help="The vertebra, e.g. T12.")],
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    to_series: Annotated[str | None, typer.Option("--to-series", help="The second image's series' UID.")] = None,
    at: Annotated[str | None, typer.Option("--at", help="Its middle in the second image, LPS mm: x,y,z.")] = None,
    no_hounsfield: Annotated[
        bool, typer.Option("--no-hounsfield", help="Say so of a cone-beam CT, or of an MR that is no DICOM.")
    ] = False,
    planning_no_hounsfield: Annotated[
        bool, typer.Option("--planning-no-hounsfield", help="Say so of a planning MR that is no DICOM.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option("--into", help="A folder for the result and for what was carried over.")
    ] = None,
    json_output: Json = False,
) -> None:
    """Register one vertebra from a planning CT or MR to another image; check its level; say how far off it may be."""
    from metaspine.cli.register import RegisterRequest, register_command

    request = RegisterRequest(
        planning=planning,
        to=to,
        structures=tuple(structures or ()),
        labels=labels,
        level=level,
        at=at,
        no_hounsfield=no_hounsfield,
        planning_no_hounsfield=planning_no_hounsfield,
        series=series,
        to_series=to_series,
        into=into,
    )
    register_command(request, json_output=json_output)
