"""``metaspine register``: how one vertebra moved from the planning CT to another image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from metaspine.cli.console import DISCLAIMER, progress_bar, results
from metaspine.errors import InputError, LevelError
from metaspine.exchange.scans import read_scan
from metaspine.imaging.carrying import carry
from metaspine.imaging.registration import register_vertebra, start_at
from metaspine.patient.image import Image
from metaspine.patient.levels import LEVELS, level, position
from metaspine.patient.registration import Registration
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure

_NEAR = 2
"""So many levels above and below are compared."""


@dataclass(frozen=True)
class RegisterRequest:
    """What is asked: the two images, the structures of the first, and the level."""

    planning: Path
    to: Path
    structures: tuple[Path, ...]
    labels: Path | None
    level: str
    at: str | None = None
    """The vertebra's middle in the second image, LPS mm: x,y,z."""
    no_hounsfield: bool = False
    """The second image's values are no Hounsfield units (cone-beam CT, fluoroscopy)."""


def register_command(request: RegisterRequest, *, json_output: bool) -> None:
    """Register a vertebra and print the result."""
    wanted = level(request.level)
    with progress_bar() as progress:
        planning = read_scan(
            request.planning, structures=list(request.structures), labels=request.labels, progress=progress
        )
        read = read_scan(request.to, progress=progress)
        second = Image(read.image, read.origin, read.notes) if request.no_hounsfield else read
        vertebra, neighbours = _vertebrae(planning, wanted)
        start = start_at(planning, second, vertebra, _point(request.at)) if request.at else None
        progress(f"registering {wanted}", 0.5)
        found = register_vertebra(planning, second, vertebra=vertebra, neighbours=neighbours, start=start)
        carried = carry(planning, found, second)
    if json_output:
        results.print_json(json.dumps(_document(found, carried)))
    else:
        _show(found, carried)


def _vertebrae(planning: Scan, wanted: str) -> tuple[Structure, list[Structure]]:
    bony = [one for one in planning.structures if one.role in (Role.VERTEBRA, Role.SACRUM) and one.level in LEVELS]
    own = [one for one in bony if one.level == wanted]
    if len(own) != 1:
        known = ", ".join(one.level for one in bony) or "no vertebra"
        raise LevelError(
            f"{wanted} is labelled {len(own)} times",
            where=planning.origin.path,
            remedy=f"Labelled are: {known}. Give --structures that label it once",
        )
    near = [one for one in bony if 0 < abs(position(one.level) - position(wanted)) <= _NEAR]
    return own[0], near


def _point(text: str) -> list[float]:
    try:
        point = [float(part) for part in text.split(",")]
    except ValueError:
        point = []
    if len(point) != 3:
        raise InputError(f"{text!r} is no point", where="--at", remedy="Write x,y,z in LPS mm: --at 12.5,-30,140")
    return point


def _document(found: Registration, carried: Scan) -> dict[str, Any]:
    return {
        "disclaimer": DISCLAIMER,
        "level": found.vertebra,
        "from_frame": found.transform.from_frame,
        "to_frame": found.transform.to_frame,
        "matrix_lps_mm": found.transform.matrix.tolist(),
        "error_mm": round(found.error_mm, 3),
        "likeness_bits": round(found.likeness, 4),
        "level_margin": round(found.level_margin, 3),
        "neighbours": [{"level": one.level, "likeness_bits": round(one.likeness, 4)} for one in found.neighbours],
        "seen_share": round(found.seen_share, 3),
        "carried_structures": [structure.name for structure in carried.structures],
        "notes": list(carried.notes),
        "evidence": ["REG-01", "REG-02", "REG-03", "REG-04", "REG-05"],
    }


def _show(found: Registration, carried: Scan) -> None:
    expected = f" registered, expected within {found.error_mm:.1f} mm (95 of 100, REG-04)"
    results.print(Text.assemble((found.vertebra, "bold"), expected))
    fits = ", ".join(f"{one.level} {one.likeness:.2f}" for one in found.neighbours)
    results.print(f"level: {found.likeness:.2f} bits alike; its neighbours at the same place: {fits}", markup=False)
    for row in found.transform.matrix:
        results.print("  ".join(f"{value:10.4f}" for value in row), markup=False)
    results.print(f"moved: {', '.join(structure.name for structure in carried.structures)}", markup=False)
    for note in carried.notes:
        results.print(f"note: {note}", style="yellow", markup=False)
    results.print(DISCLAIMER, style="dim")
