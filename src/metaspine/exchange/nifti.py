"""NIfTI images: read in LPS, written whole and reproducibly.

A NIfTI file knows no frame of reference and lies in RAS. Its affine is turned into LPS by mirroring x and y; the sform
is taken where its code is set, else the qform; a file with neither is refused, because its left and right are unknown.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.openers import ImageOpener
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from metaspine.errors import GeometryError, ImageError
from metaspine.exchange.provenance import sha256_of
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.running import whole_file

_LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_MOST_VOXELS = 10**9
_MALFORMED = (
    ArithmeticError,
    EOFError,
    HeaderDataError,
    ImageFileError,
    LookupError,
    MemoryError,
    OSError,
    TypeError,
    ValueError,
    WrapStructError,
    zlib.error,
)
_HARMLESS = "not divisible by 16"
_EXPORT_AGAIN = "Export or convert the image again"


@dataclass(frozen=True, eq=False)
class NiftiImage:
    """What a NIfTI file holds: values as scaled by its header, in LPS."""

    volume: Volume
    sha256: str
    embedded_names: dict[int, str]
    """Label names written into the file's header (the Caret extension of TotalSegmentator and Workbench)."""
    notes: tuple[str, ...]


def is_nifti(path: Path) -> bool:
    """Say whether the file's name is that of a NIfTI image."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def read_nifti(path: Path) -> NiftiImage:
    """Read a three-dimensional NIfTI image into LPS.

    The frame of reference is named after the content ("nifti-" and the first 12 digits of its SHA-256).

    Raises
    ------
    ImageError
        When the file is missing, malformed, truncated, not three-dimensional, too large (EXCHANGE-08), without
        orientation, sheared, or holds no plain numbers.
    """
    where = str(path)
    if not path.is_file():
        raise ImageError("there is no such file", where=where, remedy="Check the path")
    digest = sha256_of([path])
    try:
        _refuse_faulty_header(path)
        image = nib.load(path)
        _refuse_unusable(image, where)
        affine, notes = _ras_affine(image.header, where)
        with np.errstate(all="ignore"):  # what overflows is not finite and is refused as such
            values = _three_dimensional(np.asanyarray(image.dataobj), where)
            grid = Grid(_LPS_FROM_RAS @ affine, values.shape, f"nifti-{digest[:12]}")
    except _MALFORMED as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ImageError(f"is no readable NIfTI image ({reason})", where=where, remedy=_EXPORT_AGAIN) from error
    except GeometryError as error:
        raise ImageError(error.what, where=where, remedy=error.remedy) from error
    return NiftiImage(Volume(values, grid), digest, _embedded_names(image.header), notes)


def _refuse_faulty_header(path: Path) -> None:
    """Refuse a header that nibabel would repair by guessing (an invalid orientation code, a negative spacing)."""
    with ImageOpener(path) as stream:
        block = stream.read(nib.Nifti2Header.sizeof_hdr)
    kind = nib.Nifti2Header if nib.Nifti2Header.may_contain_header(block) else nib.Nifti1Header
    if len(block) < kind.sizeof_hdr:
        raise HeaderDataError("it is shorter than a header")
    faults = [
        line for line in kind.diagnose_binaryblock(block[: kind.sizeof_hdr]).splitlines() if _HARMLESS not in line
    ]
    if faults:
        raise HeaderDataError(f"its header is damaged: {'; '.join(faults)}")


def _refuse_unusable(image: Any, where: str) -> None:
    if not isinstance(image, nib.Nifti1Image):
        raise ImageError(f"is {type(image).__name__}, not a NIfTI file", where=where, remedy="Convert it to NIfTI")
    if image.header.get_data_dtype().kind not in "iuf":
        raise ImageError(f"holds {image.header.get_data_dtype()}, no plain numbers", where=where, remedy=_EXPORT_AGAIN)
    voxels = np.prod([float(n) for n in image.shape])
    if min(image.shape) < 1 or voxels > _MOST_VOXELS:
        raise ImageError(
            f"declares a shape of {image.shape}; between 1 and {_MOST_VOXELS:.0e} voxels can be read (EXCHANGE-08)",
            where=where,
            remedy="Crop the image, or export it again if its header is damaged",
        )
    length_unit = image.header.get_xyzt_units()[0]
    if length_unit not in {"mm", "unknown"}:
        raise ImageError(f"gives its lengths in {length_unit}", where=where, remedy="Convert the image to mm")


def _three_dimensional(values: NDArray[Any], where: str) -> NDArray[Any]:
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise ImageError(f"has {values.ndim} dimensions", where=where, remedy="Give a three-dimensional image")
    return values


def _ras_affine(header: Any, where: str) -> tuple[FloatArray, tuple[str, ...]]:
    """Return the RAS affine, sform before qform, and a note where the two differ."""
    sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    if sform is None and qform is None:
        raise ImageError(
            "holds neither sform nor qform: left and right are unknown",
            where=where,
            remedy="Convert the original DICOM series again, keeping its orientation",
        )
    if sform is None or qform is None:
        return np.asarray(qform if sform is None else sform, dtype=np.float64), ()
    return np.asarray(sform, dtype=np.float64), _agreement(sform, qform, header, where)


def _agreement(sform: FloatArray, qform: FloatArray, header: Any, where: str) -> tuple[str, ...]:
    last = np.asarray([*header.get_data_shape(), 1, 1, 1][:3]) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, -1)
    apart = np.linalg.norm((sform - qform)[:3, :3] @ corners + (sform - qform)[:3, 3:], axis=0).max()
    half_voxel = 0.5 * np.linalg.norm(sform[:3, :3], axis=0).min()
    if not apart <= half_voxel:
        raise ImageError(
            f"its sform and qform place the same voxel up to {apart:.1f} mm apart: the orientation is ambiguous",
            where=where,
            remedy="Convert the original again so that both agree, or delete the wrong one",
        )
    if apart > 0.01:
        return (f"sform and qform differ by up to {apart:.2f} mm; the sform was taken",)
    return ()


def _embedded_names(header: Any) -> dict[int, str]:
    """Return the label names of a Caret extension, by plain text search: no XML from outside is parsed."""
    names: dict[int, str] = {}
    for extension in header.extensions:
        content = extension.get_content()
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)
        for key, name in re.findall(r'<Label Key="(\d{1,9})"[^>]*><!\[CDATA\[(.*?)\]\]></Label>', text):
            names[int(key)] = name.strip()
    return names


def write_volume(volume: Volume, path: Path | str) -> None:
    """Write a volume as float32 NIfTI in RAS, whole or not at all; the same volume gives the same bytes.

    Raises
    ------
    ImageError
        When the name ends neither in .nii nor in .nii.gz.
    OutputError
        When the file cannot be written.
    """
    target = Path(path)
    if not is_nifti(target):
        raise ImageError("is no name of a NIfTI file", where=str(target), remedy="End it in .nii or .nii.gz")
    image = nib.Nifti1Image(volume.values.astype(np.float32), _LPS_FROM_RAS @ volume.grid.affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(image.affine, code="scanner")
    image.set_qform(image.affine, code="scanner")
    content = image.to_bytes()
    if target.name.lower().endswith(".gz"):
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with whole_file(target) as temporary:
        temporary.write_bytes(content)
