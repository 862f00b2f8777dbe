"""Reading a scan: the CT of a patient and the structures that belong to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from metaspine.errors import ImageError, StructureError
from metaspine.exchange.dicom_ct import CtImage, read_dicom_ct
from metaspine.exchange.dicom_files import is_dicom
from metaspine.exchange.hounsfield import HounsfieldCheck
from metaspine.exchange.label_maps import read_label_map
from metaspine.exchange.nifti import is_nifti, read_nifti
from metaspine.exchange.nrrd import is_nrrd, read_nrrd
from metaspine.exchange.provenance import sha256_of
from metaspine.exchange.rtstruct import StructureSet, is_rtstruct, read_rtstruct
from metaspine.exchange.seg import is_seg, read_seg
from metaspine.exchange.slice_blocks import SliceBlocks
from metaspine.geometry import Volume
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Structure
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
    """Read a CT and its structures into one frame of reference, in LPS mm and Hounsfield units.

    Parameters
    ----------
    path
        A DICOM folder, a DICOM file (its folder and its series are read), a NIfTI or an NRRD file.
    structures
        RTSTRUCT and SEG files, NIfTI and NRRD label maps.
    labels
        What the numbers of the label maps mean (docs/scans.md). Without it the file ``<label map>.yaml`` beside a
        label map is taken where there is one, else names in its header, else the numbering is recognised.
    series
        The UID of the series to read where a folder holds several.
    progress
        Is told how far the reading has come.

    Raises
    ------
    ImageError
        When the CT is missing, malformed, ambiguous or implausible.
    StructureError
        When a structure file is malformed or its numbering is unknown.
    FrameMismatch, GridMismatch
        When structures belong to another frame of reference, or a label map to another grid.
    """
    image = _read_image(Path(path), series, progress)
    sources = [Path(structures)] if isinstance(structures, (str, Path)) else [Path(item) for item in structures or ()]
    read: list[StructureSet] = []
    for count, source in enumerate(sources):
        progress(f"reading {source.name}", count / len(sources))
        read.append(_read_structures(source, image, Path(labels) if labels is not None else None))
    found, renamed = _uniquely_named(structure for part in read for structure in part.structures)
    progress("the scan is read", 1.0)
    return Scan(
        image=image.volume,
        structures=found,
        origin=replace(image.origin, structure_files=tuple((str(item), sha256_of([item])) for item in sources)),
        notes=(*image.notes, *(note for part in read for note in part.notes), *renamed),
        unreadable=tuple(fault for part in read for fault in part.unreadable),
    )


def _read_image(path: Path, series: str | None, progress: Progress) -> CtImage:
    if path.is_dir() or is_dicom(path):
        return read_dicom_ct(path, series=series, progress=progress)
    if not path.exists():
        raise ImageError("there is no such file or folder", where=str(path), remedy="Check the path")
    if not (is_nifti(path) or is_nrrd(path)):
        raise ImageError(
            "is neither a DICOM folder or file nor NIfTI (.nii, .nii.gz) nor NRRD (.nrrd)",
            where=str(path),
            remedy="Give the CT as DICOM, NIfTI or NRRD",
        )
    progress("reading the CT", 0.0)
    image = read_nrrd(path) if is_nrrd(path) else read_nifti(path)
    check, blocks = HounsfieldCheck(str(path)), SliceBlocks(image.volume.grid.shape)
    for k in range(image.volume.grid.shape[2]):
        blocks.put(k, check.take(image.volume.values[:, :, k].T))
    values = blocks.volume()
    notes = check.notes(values)
    origin = ScanOrigin(path=str(path), sha256=image.sha256)
    return CtImage(Volume(values, image.volume.grid), origin, image.notes + notes)


def _read_structures(path: Path, image: CtImage, mapping: Path | None) -> StructureSet:
    grid = image.volume.grid
    if is_nifti(path) or is_nrrd(path):
        structures, notes = read_label_map(path, grid=grid, mapping=mapping)
        return StructureSet(structures, (), notes)
    if not path.is_file():
        raise StructureError("there is no such file", where=str(path), remedy="Give an RTSTRUCT file or a label map")
    if is_dicom(path) and is_rtstruct(path):
        return read_rtstruct(path, grid=grid, instance_uids=frozenset(image.origin.instance_uids))
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
