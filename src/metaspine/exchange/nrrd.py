"""NRRD images and label maps: read in LPS, whole, and never larger than their header declares.

Source: the format's definition (teem.sourceforge.net/nrrd/format.html), versions 1 to 5; 3D Slicer's segmentations
(``.seg.nrrd``) keep names in ``Segment<n>_Name`` and overlapping segments in layers along an axis that is no space.
The reader is our own for the sake of its limits: data are inflated no further than the header declares.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaspine.errors import GeometryError, ImageError
from metaspine.exchange.provenance import sha256_of
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray

_LPS_SIGNS: Mapping[str, tuple[float, float, float]] = {
    "left-posterior-superior": (1, 1, 1),
    "lps": (1, 1, 1),
    "right-anterior-superior": (-1, -1, 1),
    "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1),
    "las": (1, -1, 1),
}
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    "float": "f4",
    "double": "f8",
}
_MOST_VOXELS = 10**9
_LONGEST_HEADER = 10**6
_MOST_LAYERS = 1000
_GZIP = 31
"""zlib's word for a gzip stream."""
_VECTOR = re.compile(r"none|\(([^()]*)\)")
_SEGMENT = re.compile(r"Segment(\d{1,5})_(Name|LabelValue|Layer)")
_EXPORT_AGAIN = "Export or convert the image again"


@dataclass(frozen=True, eq=False)
class NrrdImage:
    """One three-dimensional image of an NRRD file, in LPS."""

    volume: Volume
    sha256: str
    embedded_names: dict[int, str]
    """Names of labels that 3D Slicer wrote into the header."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Header:
    fields: Mapping[str, str]
    keys: Mapping[str, str]
    bytes_long: int
    where: str

    def of(self, name: str) -> str:
        """Return a field that must be there."""
        if not self.fields.get(name):
            raise ImageError(f"its header has no {name!r}", where=self.where, remedy=_EXPORT_AGAIN)
        return self.fields[name]


def is_nrrd(path: Path) -> bool:
    """Say whether the file's name is that of an NRRD image."""
    return path.name.lower().endswith((".nrrd", ".nhdr"))


def read_nrrd(path: Path) -> NrrdImage:
    """Read a three-dimensional NRRD image into LPS.

    The frame of reference is named after the content ("nrrd-" and the first 12 digits of its SHA-256).

    Raises
    ------
    ImageError
        When the file is missing, malformed, truncated, not three-dimensional, too large (EXCHANGE-08), without
        orientation, sheared, compressed otherwise than by gzip, or keeps its data in another file.
    """
    layers = read_nrrd_layers(path)
    if len(layers) > 1:
        raise ImageError(
            f"holds {len(layers)} layers, not one image", where=str(path), remedy="Give a three-dimensional image"
        )
    return layers[0]


def read_nrrd_layers(path: Path) -> tuple[NrrdImage, ...]:
    """Read an NRRD file's images: several where it is a segmentation whose segments overlap.

    Raises
    ------
    ImageError
        As :func:`read_nrrd` does, for a file of any number of layers.
    """
    where = str(path)
    if not path.is_file():
        raise ImageError("there is no such file", where=where, remedy="Check the path")
    digest = sha256_of([path])
    try:
        content = path.read_bytes()
        header = _header(content, where)
        axes, affine = _axes(header)
        sizes = _sizes(header, len(axes))
        values = _values(header, content, sizes)
        layers = _layers(values, axes, where)
        grid = Grid(affine, (layers.shape[1], layers.shape[2], layers.shape[3]), f"nrrd-{digest[:12]}")
    except (ValueError, OSError, zlib.error) as error:
        raise ImageError(f"is no readable NRRD image ({error})", where=where, remedy=_EXPORT_AGAIN) from error
    except GeometryError as error:
        raise ImageError(error.what, where=where, remedy=error.remedy) from error
    names = _names(header.keys)
    return tuple(NrrdImage(Volume(values, grid), digest, names[layer]) for layer, values in enumerate(layers))


def _header(content: bytes, where: str) -> _Header:
    if not re.match(rb"NRRD000[1-5]\r?\n", content):
        raise ImageError("is no NRRD file (it does not start with NRRD0001 to NRRD0005)", where=where)
    end = re.search(rb"\r?\n\r?\n", content[:_LONGEST_HEADER])
    if end is None:
        raise ImageError("its header has no end: the file is truncated or malformed", where=where, remedy=_EXPORT_AGAIN)
    fields: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in content[: end.start()].decode("utf-8", "replace").splitlines()[1:]:
        key, is_key, value = line.partition(":=")
        name, is_field, text = line.partition(": ")
        if line.startswith("#"):
            continue
        if is_key and not (is_field and len(name) < len(key)):
            keys[key] = value
        elif is_field:
            fields[name.strip().lower()] = text.strip()
    return _Header(fields, keys, end.end(), where)


def _axes(header: _Header) -> tuple[list[bool], FloatArray]:
    """Return for each axis whether it lies in space, and the affine of the three that do, to LPS mm."""
    space = header.fields.get("space", "").lower()
    if space not in _LPS_SIGNS:
        raise ImageError(
            f"its space is {space or 'not stated'}: left and right are unknown",
            where=header.where,
            remedy="Convert the original again, keeping its orientation (left-posterior-superior or "
            "right-anterior-superior)",
        )
    units = set(header.fields.get("space units", "").replace('"', " ").split()) - {"mm"}
    if units:
        raise ImageError(
            f"gives its lengths in {' '.join(sorted(units))}", where=header.where, remedy="Convert the image to mm"
        )
    found = list(_VECTOR.finditer(header.of("space directions")))
    axes = [item[1] is not None for item in found]
    columns = np.array([_three(item[1]) for item in found if item[1] is not None])
    if columns.shape != (3, 3):
        raise ImageError(
            f"{len(columns)} of its axes lie in space", where=header.where, remedy="Give a three-dimensional image"
        )
    affine = np.eye(4)
    affine[:3, :3] = columns.T
    affine[:3, 3] = _three(header.of("space origin").strip("()"))
    return axes, np.diag([*_LPS_SIGNS[space], 1.0]) @ affine


def _three(text: str) -> list[float]:
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) != 3 or not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"({text}) should be three finite numbers")
    return numbers


def _sizes(header: _Header, dimension: int) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in header.of("sizes").split())
    if not len(sizes) == int(header.of("dimension")) == dimension:
        raise ValueError(f"its header gives {len(sizes)} sizes and directions for {dimension} axes")
    if min(sizes) < 1 or math.prod(sizes) > _MOST_VOXELS:
        raise ImageError(
            f"declares {' x '.join(map(str, sizes))} voxels; 1 to {_MOST_VOXELS:.0e} can be read (EXCHANGE-08)",
            where=header.where,
            remedy="Crop the image, or export it again if its header is damaged",
        )
    return sizes


def _values(header: _Header, content: bytes, sizes: tuple[int, ...]) -> NDArray[Any]:
    kind = _TYPES.get(header.of("type").lower())
    if kind is None:
        raise ImageError(f"holds {header.of('type')}, which is not read", where=header.where, remedy=_EXPORT_AGAIN)
    if "data file" in header.fields or "datafile" in header.fields:
        raise ImageError("keeps its data in another file", where=header.where, remedy="Save it as one file (.nrrd)")
    endian = header.of("endian").lower() if kind[1] != "1" else "little"
    dtype = np.dtype(("<" if endian == "little" else ">") + kind)
    data = _data(header, content, math.prod(sizes) * dtype.itemsize)
    return np.frombuffer(data, dtype=dtype).reshape(sizes, order="F").astype(dtype.newbyteorder("="), copy=False)


def _data(header: _Header, content: bytes, wanted: int) -> bytes:
    """Return the image's bytes, no more than the header declares."""
    encoding = header.of("encoding").lower()
    if any(header.fields.get(name, "0") != "0" for name in ("line skip", "lineskip", "byte skip", "byteskip")):
        raise ImageError("its data do not follow its header (skip)", where=header.where, remedy=_EXPORT_AGAIN)
    if encoding == "raw":
        data = content[header.bytes_long :]
    elif encoding in ("gzip", "gz"):
        data = zlib.decompressobj(_GZIP).decompress(content[header.bytes_long :], wanted + 1)
    else:
        raise ImageError(
            f"is encoded as {encoding}, which is not read", where=header.where, remedy="Save it as raw or gzip"
        )
    if len(data) != wanted:
        longer = "more" if len(data) > wanted else f"{len(data)}"
        raise ValueError(f"it holds {longer} bytes where its header declares {wanted}")
    return data


def _layers(values: NDArray[Any], axes: list[bool], where: str) -> NDArray[Any]:
    """Return the values as [layer, i, j, k]."""
    beside = [axis for axis, spatial in enumerate(axes) if not spatial]
    if len(beside) > 1 or (beside and values.shape[beside[0]] > _MOST_LAYERS):
        raise ImageError(f"has {values.ndim} dimensions", where=where, remedy="Give a three-dimensional image")
    return np.moveaxis(values, beside[0], 0) if beside else values[None]


def _names(keys: Mapping[str, str]) -> defaultdict[int, dict[int, str]]:
    """Return 3D Slicer's names of the labels of each layer."""
    segments: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for key, value in keys.items():
        found = _SEGMENT.fullmatch(key)
        if found:
            segments[found[1]][found[2]] = value.strip()
    names: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for segment in segments.values():
        if segment.get("Name"):
            names[int(segment.get("Layer", 0))][int(segment.get("LabelValue", 1))] = segment["Name"]
    return names
