"""The Eclipse ENT phantom of SlicerRT's test data (MIT): dose, planar contours, DVH tables of Eclipse and CERR.

The contours are VTK PolyData in XML with compressed blocks; they are kept in RAS, the dose in LPS.
"""

from __future__ import annotations

import base64
import csv
import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from metaspine.errors import StructureError
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.grid import FloatArray

FRAME = "Eclipse ENT phantom"
RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class PublishedCurve:
    """One structure's cumulative DVH as a vendor exported it."""

    volume_cc: float
    dose_gy: FloatArray
    volume_percent: FloatArray

    def dose_to_percent(self, percent: float) -> float:
        """Return the dose at a volume, linear between the table's rows."""
        return float(np.interp(-percent, -self.volume_percent, self.dose_gy))


def read_dose(folder: Path) -> Volume:
    """Return the dose in Gy."""
    image = SimpleITK.ReadImage(str(folder / "EclipseEnt_Dose.nrrd"))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * np.asarray(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    values = SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0).astype(np.float64)
    return Volume(values, Grid(affine, values.shape, FRAME))


def read_contours(folder: Path) -> dict[str, ContourSet]:
    """Return the closed contours of every structure by the name in its file."""
    paths = sorted((folder / "EclipseEnt_Structures.seg").glob("*.vtp"))
    return dict(_polylines(path) for path in paths)


def read_table(folder: Path, vendor: str) -> dict[str, PublishedCurve]:
    """Return the curves of "Eclipse" or "CERR" by the name in the table."""
    with (folder / f"EclipseEnt_DvhTable_{vendor}.csv").open(encoding="utf-8-sig", newline="") as stream:
        heading, *rows = list(csv.reader(stream))
    curves = {}
    for column in range(0, len(heading) - 1, 2):
        if "_DvhArray" not in heading[column]:
            continue
        pairs = [(row[column], row[column + 1]) for row in rows if len(row) > column + 1]
        numbers = np.array([(float(dose), float(volume)) for dose, volume in pairs if dose and volume])
        volume_cc = float(heading[column + 1].split(" of ")[1].split(" cc")[0])
        curves[heading[column].split("_DvhArray")[0]] = PublishedCurve(volume_cc, numbers[:, 0], numbers[:, 1])
    return curves


def same_name(name: str) -> str:
    """Return a structure's name without what the files spell differently."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _polylines(path: Path) -> tuple[str, ContourSet]:
    root = ElementTree.parse(path).getroot()  # noqa: S314 - a file of our own test data
    piece = _found(root, ".//Piece")
    points = _numbers(_found(piece, "Points/DataArray"), np.dtype("<f4")).reshape(-1, 3).astype(np.float64) * RAS_TO_LPS
    lines = {array.get("Name"): _numbers(array, np.dtype("<i8")) for array in piece.findall("Lines/DataArray")}
    ends = lines["offsets"].astype(int)
    parts = np.split(lines["connectivity"].astype(int), ends[:-1])
    loops = [points[part[:-1] if part[0] == part[-1] else part] for part in parts]
    text = _decoded(_found(root, ".//Array[@Name='Segment_Name']").text or "").split(b"\0")[0].decode()
    return text, ContourSet(tuple(Contour(loop) for loop in loops if len(loop) >= 3), FRAME)


def _found(element: ElementTree.Element, path: str) -> ElementTree.Element:
    found = element.find(path)
    if found is None:
        raise StructureError(f"the PolyData file has no {path}", where="Eclipse ENT phantom")
    return found


def _numbers(element: ElementTree.Element, kind: np.dtype[np.generic]) -> NDArray[np.generic]:
    return np.frombuffer(_decoded(element.text or ""), dtype=kind)


def _decoded(text: str) -> bytes:
    """Undo VTK's encoding: a base64 header of UInt32 (blocks, size, last size, compressed sizes), then the blocks."""
    text = "".join(text.split())
    count = struct.unpack("<I", base64.b64decode(text[:8])[:4])[0]
    header_bytes = 4 * (3 + count)
    header_text = 4 * ((header_bytes + 2) // 3)
    sizes = struct.unpack(f"<{3 + count}I", base64.b64decode(text[:header_text])[:header_bytes])[3:]
    blocks = base64.b64decode(text[header_text:])
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    return b"".join(zlib.decompress(blocks[low:high]) for low, high in pairwise(starts))
