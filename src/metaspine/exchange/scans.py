"""Reading a scan: the CT of a patient and the structures that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from metaspine.errors import ImageError
from metaspine.exchange.hounsfield import hounsfield
from metaspine.exchange.label_maps import read_label_map
from metaspine.exchange.nifti import is_nifti, read_nifti
from metaspine.geometry import Volume
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.running import Progress, silent

AnyPath = Path | str


def read_scan(
    path: AnyPath,
    *,
    structures: AnyPath | Sequence[AnyPath] | None = None,
    labels: AnyPath | None = None,
    series: str | None = None,
    progress: Progress = silent,
) -> Scan:
    """Read a CT and its structures into one frame of reference, LPS, mm and Hounsfield units."""
    source = Path(path)
    progress("reading the CT", 0.0)
    image = read_nifti(source)
    values, notes = hounsfield(image.volume.values, where=str(source))
    volume = Volume(values, image.volume.grid)
    origin = ScanOrigin(str(source), image.sha256)
    found = []
    all_notes = [*image.notes, *notes]
    paths = [structures] if isinstance(structures, (str, Path)) else list(structures or ())
    for item in paths:
        progress("reading the structures", 0.5)
        mine, more = read_label_map(Path(item), grid=volume.grid, mapping=Path(labels) if labels else None)
        found.extend(mine)
        all_notes.extend(more)
    progress("reading the structures", 1.0)
    return Scan(volume, tuple(found), origin, tuple(all_notes))
