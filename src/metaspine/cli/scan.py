"""``metaspine scan``: what is in an image and its structures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from metaspine.cli.console import DISCLAIMER, progress_bar, results
from metaspine.errors import StructureError
from metaspine.exchange.scans import read_scan
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.slabs import volume_mm3
from metaspine.imaging.findings import find_foreign
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure


def scan_command(
    path: Path, *, structures: Sequence[Path], labels: Path | None, series: str | None, json_output: bool
) -> None:
    """Read a scan and print what it holds."""
    with progress_bar() as progress:
        scan = read_scan(path, structures=list(structures) or None, labels=labels, series=series, progress=progress)
    if json_output:
        results.print_json(json.dumps(_document(scan)))
    else:
        _show(scan)


def _document(scan: Scan) -> dict[str, Any]:
    grid = scan.image.grid
    return {
        "disclaimer": DISCLAIMER,
        "path": scan.origin.path,
        "sha256": scan.origin.sha256,
        "frame_of_reference": scan.frame_of_reference,
        "shape": list(grid.shape),
        "spacing_mm": [round(float(value), 4) for value in grid.spacing_mm],
        "affine_lps_mm": [[round(float(value), 6) for value in row] for row in grid.affine],
        "patient_position": scan.origin.patient_position or None,
        "tube_voltage_kv": scan.origin.tube_voltage_kv,
        "structures": [_structure(structure, float(grid.spacing_mm[2])) for structure in scan.structures],
        "notes": list(scan.notes),
        "questions": [finding.sentence for finding in find_foreign(scan)],
        "unreadable": [{"name": name, "reason": reason} for name, reason in scan.unreadable],
    }


def _structure(structure: Structure, slice_mm: float) -> dict[str, Any]:
    return {
        "name": structure.name,
        "role": str(structure.role),
        "level": structure.level or None,
        "origin": str(structure.origin),
        "confirmed": structure.confirmed,
        "region": _region(structure, slice_mm),
    }


def _region(structure: Structure, slice_mm: float) -> str:
    if isinstance(structure.region, ContourSet):
        return _drawn(structure.region, slice_mm)
    grid = structure.region.grid
    return f"{float(structure.region.values.sum()) * grid.voxel_volume_mm3 / 1000:.2f} cm³"


def _drawn(region: ContourSet, slice_mm: float) -> str:
    """Return the volume that contours bound, or how many lines and points there are where they bound none."""
    count = len(region.contours)
    lines = f"{count} contour{'s' if count > 1 else ''}"
    try:
        return f"{volume_mm3(region, single_plane_mm=slice_mm) / 1000:.2f} cm³, {lines}"
    except StructureError:
        return f"no volume, {lines}"


def _show(scan: Scan) -> None:
    grid = scan.image.grid
    spacing = " x ".join(f"{value:.3f}" for value in grid.spacing_mm)
    results.print(scan.origin.path, style="bold", highlight=False)
    results.print(f"{' x '.join(map(str, grid.shape))} voxels of {spacing} mm, frame {scan.frame_of_reference}")
    voltage = scan.origin.tube_voltage_kv
    results.print(f"tube voltage {f'{voltage:g} kV' if voltage else 'unknown'}")
    table = Table("structure", "role", "level", "made by", "size", box=None, header_style="bold")
    for structure in scan.structures:
        size = _region(structure, float(grid.spacing_mm[2]))
        table.add_row(structure.name, structure.role, structure.level or "", structure.origin, size)
    results.print(table)
    for note in scan.notes:
        results.print(f"note: {note}", style="yellow", markup=False)
    for finding in find_foreign(scan):
        results.print(f"question: {finding.sentence}", style="yellow", markup=False)
    for name, reason in scan.unreadable:
        results.print(f"unreadable: {name}: {reason}", style="red", markup=False)
    results.print(DISCLAIMER, style="dim")
