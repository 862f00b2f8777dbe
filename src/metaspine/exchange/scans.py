"""Reading a scan: the CT of a patient and the structures that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metaspine.errors import ImageError
from metaspine.exchange.dicom_ct import CtImage, read_dicom_ct
from metaspine.exchange.dicom_files import is_dicom
from metaspine.exchange.hounsfield import HounsfieldCheck
from metaspine.exchange.nifti import is_nifti, read_nifti
from metaspine.exchange.nrrd import is_nrrd, read_nrrd
from metaspine.exchange.slice_blocks import SliceBlocks
from metaspine.exchange.structure_files import AnyPath, read_structures
from metaspine.geometry import Volume
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.running import Progress, silent


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
    grid = image.volume.grid
    read = read_structures(structures, labels=labels, grid=grid, origin=image.origin, progress=progress)
    progress("the scan is read", 1.0)
    return Scan(image.volume, read.structures, read.origin, (*image.notes, *read.notes), read.unreadable)


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
