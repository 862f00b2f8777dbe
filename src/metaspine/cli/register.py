"""``metaspine register``: how one vertebra moved from the planning image to another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from metaspine.anatomy.levels import check_level
from metaspine.cli.console import DISCLAIMER, progress_bar, results
from metaspine.errors import ImageError, InputError, LevelError
from metaspine.exchange.images import read_scan_or_image
from metaspine.exchange.nifti import write_volume
from metaspine.exchange.writing.rtstruct import write_rtstruct
from metaspine.imaging.carrying import carry
from metaspine.imaging.registration import register_vertebra, start_at
from metaspine.patient.image import Image
from metaspine.patient.levels import LEVELS, level, position
from metaspine.patient.registration import Registration
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Role, Structure
from metaspine.running import Progress, require_writable, whole_folder

DOCUMENT, STRUCTURES, VALUES = "registration.json", "structures.dcm", "hounsfield.nii.gz"
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
    """The second image's values are no Hounsfield units (cone-beam CT, an MR as NIfTI)."""
    planning_no_hounsfield: bool = False
    series: str | None = None
    to_series: str | None = None
    into: Path | None = None
    """The folder that the result is written into."""


def register_command(request: RegisterRequest, *, json_output: bool) -> None:
    """Register a vertebra and print the result."""
    wanted = level(request.level)
    at = _point(request.at) if request.at else None
    if request.into is not None:
        require_writable(request.into)
    with progress_bar() as progress:
        planning = read_scan_or_image(
            request.planning,
            hounsfield=not request.planning_no_hounsfield,
            structures=list(request.structures),
            labels=request.labels,
            series=request.series,
            progress=progress,
        )
        second = _second(request, progress)
        vertebra, neighbours = _vertebrae(planning, wanted)
        said = [*_of_level(planning, vertebra), *_of_patients(planning, second)]
        start = start_at(planning, second, vertebra, at) if at else None
        progress(f"registering {wanted}", 0.5)
        found = register_vertebra(planning, second, vertebra=vertebra, neighbours=neighbours, start=start)
        carried = carry(planning, found, second)
    notes = (*said, *(f"planning image: {note}" for note in planning.notes), *carried.notes)
    document = _document(found, carried, notes, planning.unreadable)
    if request.into is not None:
        _write(document, carried, own_values=isinstance(second, Scan), into=request.into)
    if json_output:
        results.print_json(json.dumps(document))
    else:
        _show(found, carried, notes, planning.unreadable)
        if request.into is not None:
            results.print(f"written into {request.into}; nobody has confirmed what was carried over", markup=False)
        results.print(DISCLAIMER, style="dim")


def _second(request: RegisterRequest, progress: Progress) -> Scan | Image:
    """Read the second image; one that cannot be Hounsfield units may be a cone-beam CT."""
    try:
        return read_scan_or_image(
            request.to, hounsfield=not request.no_hounsfield, series=request.to_series, progress=progress
        )
    except ImageError as error:
        if "EXCHANGE-01" not in error.what:
            raise
        remedy = f"Say --no-hounsfield of a cone-beam CT. {error.remedy}"
        raise ImageError(error.what, where=error.where, remedy=remedy) from error


def _vertebrae(planning: Scan | Image, wanted: str) -> tuple[Structure, list[Structure]]:
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


def _of_level(planning: Scan | Image, vertebra: Structure) -> list[str]:
    """Return what is to be said of the label's level after it was counted; a count that contradicts it is an error."""
    if not isinstance(planning, Scan) or vertebra.role is not Role.VERTEBRA:
        return [f"that {vertebra.name} is {vertebra.level} was not checked by a count: no CT's vertebra (LEVEL-01)"]
    checked = check_level(planning, vertebra.level)
    return [f"level: {note}" for note in checked.notes]


def _of_patients(planning: Scan | Image, second: Scan | Image) -> list[str]:
    """Return in what the two files name different patients; who they are is never printed."""
    one, other = planning.origin.study, second.origin.study
    if one is None or other is None:
        return []
    stated = {
        "patient ID": (one.patient_id, other.patient_id),
        "name": (one.patient_name, other.patient_name),
        "birth date": (one.birth_date, other.birth_date),
    }
    different = [what for what, (first, then) in stated.items() if first and then and first != then]
    return [f"THE TWO IMAGES MAY BE OF TWO PATIENTS: they differ in {', '.join(different)}"] if different else []


def _point(text: str) -> list[float]:
    try:
        point = [float(part) for part in text.split(",")]
    except ValueError:
        point = []
    if len(point) != 3:
        raise InputError(f"{text!r} is no point", where="--at", remedy="Write x,y,z in LPS mm: --at 12.5,-30,140")
    return point


def _write(document: dict[str, Any], carried: Scan, *, own_values: bool, into: Path) -> None:
    """Write the result, the structures in the second image, and the values where they are the planning CT's."""
    with whole_folder(into) as folder:
        (folder / DOCUMENT).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        write_rtstruct(carried, folder / STRUCTURES)
        if not own_values and np.isfinite(carried.image.values).any():
            write_volume(carried.image, folder / VALUES)


def _document(
    found: Registration, carried: Scan, notes: Sequence[str], unreadable: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    return {
        "disclaimer": DISCLAIMER,
        "level": found.vertebra,
        "from_frame": found.transform.from_frame,
        "to_frame": found.transform.to_frame,
        "matrix_lps_mm": found.transform.matrix.tolist(),
        "middle_lps_mm": [round(value, 2) for value in found.middle_mm],
        "turned_degrees": round(found.turned_degrees, 2),
        "error_mm": round(found.error_mm, 3),
        "likeness_bits": round(found.likeness, 4),
        "level_margin": round(found.level_margin, 3),
        "neighbours": [{"level": one.level, "likeness_bits": round(one.likeness, 4)} for one in found.neighbours],
        "seen_share": round(found.seen_share, 3),
        "carried_structures": [structure.name for structure in carried.structures],
        "notes": list(notes),
        "unreadable": [{"name": name, "reason": reason} for name, reason in unreadable],
        "evidence": ["REG-01", "REG-02", "REG-03", "REG-04", "REG-05"],
    }


def _show(found: Registration, carried: Scan, notes: Sequence[str], unreadable: Sequence[tuple[str, str]]) -> None:
    x, y, z = found.middle_mm
    expected = f" registered, expected within {found.error_mm:.1f} mm (95 of 100, REG-04)"
    results.print(Text.assemble((found.vertebra, "bold"), expected))
    results.print(
        f"its middle lies at {x:.1f}, {y:.1f}, {z:.1f} in the second image (LPS mm): look there", markup=False
    )
    results.print(f"turned by {found.turned_degrees:.0f} degrees against the planning image", markup=False)
    fits = ", ".join(f"{one.level} {one.likeness:.2f}" for one in found.neighbours)
    results.print(f"level: {found.likeness:.2f} bits alike; its neighbours at the same place: {fits}", markup=False)
    for row in found.transform.matrix:
        results.print("  ".join(f"{value:10.4f}" for value in row), markup=False)
    results.print(f"moved: {', '.join(structure.name for structure in carried.structures)}", markup=False)
    for note in notes:
        results.print(f"note: {note}", style="yellow", markup=False)
    for name, reason in unreadable:
        results.print(f"unreadable: {name}: {reason}", style="red", markup=False)
