"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CaseFile = Annotated[Path, typer.Argument(help="The case file (YAML or JSON).", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
ScanPath = Annotated[Path, typer.Option("--scan", help="A DICOM folder or a NIfTI file.", show_default=False)]
Structures = Annotated[
    list[Path] | None,
    typer.Option("--structures", help="An RTSTRUCT file or a label map; may be repeated.", show_default=False),
]
Labels = Annotated[
    Path | None, typer.Option("--labels", help="A mapping file for the label map's numbers.", show_default=False)
]
MadeOf = Annotated[
    list[str] | None, typer.Option("--material", help="What a structure is made of: rod=titanium. May be repeated.")
]
Uncertainty = Annotated[
    float,
    typer.Option("--uncertainty", help="Stop at this statistical uncertainty, 1 SD in %; 0: do not ask for one."),
]
BoardPolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="The centre's policy on conflicts between sources (YAML).", show_default=False),
]
Series = Annotated[str | None, typer.Option("--series", help="The series' UID, where a folder holds several.")]
Certificate = Annotated[Path | None, typer.Option("--certificate", help="TLS: your own certificate (PEM).")]
Key = Annotated[Path | None, typer.Option("--key", help="TLS: your certificate's private key (PEM).")]
Authority = Annotated[Path | None, typer.Option("--authority", help="TLS: who must have signed theirs (PEM).")]
Title = Annotated[str, typer.Option("--ae-title", help="Your application entity title.")]
