"""The structures that belong to an image, from files of any kind: RTSTRUCT, SEG, label maps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metaspine.errors import StructureError
from metaspine.exchange.dicom_files import is_dicom
from metaspine.exchange.label_maps import read_label_map
from metaspine.exchange.nifti import is_nifti
from metaspine.exchange.nrrd import is_nrrd
from metaspine.exchange.provenance import sha256_of
from metaspine.exchange.rtstruct import StructureSet, is_rtstruct, read_rtstruct
from metaspine.exchange.seg import is_seg, read_seg
from metaspine.geometry import Grid
from metaspine.patient.scan import ScanOrigin
from metaspine.patient.structure import Structure
from metaspine.running import Progress

AnyPath = Path | str


@dataclass(frozen=True)
class ReadStructures:
    """The structures of several files with names that tell them apart, and what was noticed.

    Parameters
    ----------
    origin
        The image's, with the files of the structures.
    unreadable
        What could not be read, name and reason.
    """

    structures: tuple[Structure, ...]
    origin: ScanOrigin
    notes: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]


def read_structures(
    files: AnyPath | Sequence[AnyPath] | None,
    *,
    labels: AnyPath | None,
    grid: Grid,
    origin: ScanOrigin,
    progress: Progress,
) -> ReadStructures:
    """Read the structures that belong to an image.

    Parameters
    ----------
    files
        RTSTRUCT and SEG files, NIfTI and NRRD label maps.
    labels
        What the numbers of the label maps mean.
    grid, origin
        Of the image.

    Raises
    ------
    StructureError
        When a file is missing or malformed, or its numbering is unknown.
    FrameMismatch, GridMismatch
        When structures belong to another frame of reference, or a label map to another grid.
    """
    sources = [Path(files)] if isinstance(files, (str, Path)) else [Path(item) for item in files or ()]
    read: list[StructureSet] = []
    for count, source in enumerate(sources):
        progress(f"reading {source.name}", count / len(sources))
        read.append(_read_one(source, grid, origin, Path(labels) if labels is not None else None))
    found, renamed = _uniquely_named(structure for part in read for structure in part.structures)
    return ReadStructures(
        structures=found,
        origin=replace(origin, structure_files=tuple((str(item), sha256_of([item])) for item in sources)),
        notes=(*(note for part in read for note in part.notes), *renamed),
        unreadable=tuple(fault for part in read for fault in part.unreadable),
    )


def _read_one(path: Path, grid: Grid, origin: ScanOrigin, mapping: Path | None) -> StructureSet:
    if is_nifti(path) or is_nrrd(path):
        structures, notes = read_label_map(path, grid=grid, mapping=mapping)
        return StructureSet(structures, (), notes)
    if not path.is_file():
        raise StructureError("there is no such file", where=str(path), remedy="Give an RTSTRUCT file or a label map")
    if is_dicom(path) and is_rtstruct(path):
        return read_rtstruct(path, grid=grid, instance_uids=frozenset(origin.instance_uids))
    if is_dicom(path) and is_seg(path):
        return read_seg(path, grid=grid)
    raise StructureError(
        "is neither an RTSTRUCT nor a DICOM SEG nor a label map (NIfTI, NRRD)",
        where=str(path),
        remedy="Export the structures as RTSTRUCT, SEG, NIfTI or NRRD",
    )


def _uniquely_named(structures: Iterable[Structure]) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Return the structures with names that tell them apart, and a note for each that had to be renamed."""
    named: list[Structure] = []
    notes: list[str] = []
    seen: Counter[str] = Counter()
    for structure in structures:
        seen[structure.name] += 1
        if seen[structure.name] > 1:
            name = f"{structure.name} ({seen[structure.name]})"
            notes.append(f"there are several structures {structure.name}: the one of {structure.source} is {name}")
            named.append(replace(structure, name=name))
        else:
            named.append(structure)
    return tuple(named), tuple(notes)
