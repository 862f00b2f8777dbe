"""RTSTRUCT: drawn structures as contours, exactly as drawn.

Contours are matched to the image by frame of reference and position, not by the images they reference: those
references often name slices of another export. Holes, keyholes and islands are left to the geometry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from metaspine.errors import FrameMismatch, StructureError
from metaspine.exchange.dicom_files import Elements, damage_reported, read_elements, read_header
from metaspine.exchange.region_words import SetWords, set_words, state_notes
from metaspine.geometry import Grid
from metaspine.geometry.contours import Contour, ContourKind, ContourSet
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.slabs import SAME_PLANE_MM, doubtful_planes
from metaspine.patient.structure import Structure

_KINDS: Mapping[str, ContourKind] = {
    "CLOSED_PLANAR": "closed",
    "CLOSEDPLANAR_XOR": "closed",
    "OPEN_PLANAR": "open",
    "OPEN_NONPLANAR": "open",
    "POINT": "point",
}
_EXPORT_AGAIN = "Export the structure set again from the planning system"
_REPEATED_MM = 1e-6
_AS_TEXT = {None, "DS", "UN"}
"""What the value representation of coordinates may be: implicit, or explicit and short, or too long for DS."""


@dataclass(frozen=True)
class StructureSet:
    """The structures of one RTSTRUCT file, in the image's frame of reference.

    Parameters
    ----------
    unreadable
        Regions of interest that could not be read, name and reason.
    """

    structures: tuple[Structure, ...]
    unreadable: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


class _UnreadableRegion(StructureError):
    """One region of interest cannot be read; the others may."""


def is_rtstruct(path: Path) -> bool:
    """Say whether a DICOM file is an RTSTRUCT.

    Raises
    ------
    StructureError
        When the file is malformed.
    """
    with damage_reported(path, kind=StructureError):
        return Elements(read_header(path), str(path)).text("SOPClassUID") == RTStructureSetStorage


def read_rtstruct(path: Path, *, grid: Grid, instance_uids: frozenset[str] = frozenset()) -> StructureSet:
    """Read the structures of an RTSTRUCT file that lie in the image's frame of reference.

    Parameters
    ----------
    grid
        Of the image; says which frame of reference is wanted and what lies outside.
    instance_uids
        The SOP instances of the image, to tell whether the contours reference them.

    Raises
    ------
    FrameMismatch
        When every structure lives in another frame of reference.
    StructureError
        When the file is malformed, too elaborate (EXCHANGE-10), holds no region of interest or no contour sequence.
    """
    with damage_reported(path, kind=StructureError):
        dataset = read_elements(path.read_bytes())
        regions = [Elements(item, str(path), StructureError) for item in dataset.get("StructureSetROISequence") or ()]
        if not regions:
            raise StructureError("holds no region of interest", where=str(path), remedy=_EXPORT_AGAIN)
        _refuse_other_frame(dataset, regions, grid, path)
        if "ROIContourSequence" not in dataset:
            what = "has a list of regions and no ROIContourSequence, which every structure set must have: it is damaged"
            raise StructureError(what, where=str(path), remedy=_EXPORT_AGAIN)
        drawn = _contours_by_number(dataset, path)
        words = set_words(dataset, str(path))
        structures, unreadable = [], _unlisted(regions, drawn, _observed(dataset, path))
        for region in regions:
            try:
                _refuse_shared_number(region, regions)
                structures.append(_structure(region, _region(region, dataset, drawn, grid), words))
            except StructureError as error:
                unreadable.append((_name(region), error.what))
        notes = [*state_notes(dataset, structures, path.name), *_reference_notes(drawn, instance_uids, path)]
    for structure in structures:
        if isinstance(structure.region, ContourSet):
            notes += _place_notes(structure.name, structure.region, grid)
    return StructureSet(tuple(structures), tuple(unreadable), tuple(notes))


def _refuse_other_frame(dataset: Dataset, regions: Sequence[Elements], grid: Grid, path: Path) -> None:
    frames = {_frame(region, dataset) for region in regions} - {""}
    if frames and grid.frame_of_reference not in frames:
        raise FrameMismatch(grid.frame_of_reference, ", ".join(sorted(frames)), where=str(path))


def _frame(region: Elements, dataset: Dataset) -> str:
    """Return the region's frame of reference; where it states none, the only one that the file states."""
    stated = region.text("ReferencedFrameOfReferenceUID")
    if stated:
        return stated
    listed = {
        str(item.get("FrameOfReferenceUID", "")) for item in dataset.get("ReferencedFrameOfReferenceSequence") or ()
    }
    everywhere = (listed | {str(dataset.get("FrameOfReferenceUID") or "")}) - {""}
    return everywhere.pop() if len(everywhere) == 1 else ""


def _contours_by_number(dataset: Dataset, path: Path) -> Mapping[int, Sequence[Dataset]]:
    drawn: dict[int, list[Dataset]] = {}
    for item in dataset.get("ROIContourSequence") or ():
        number = int(Elements(item, str(path), StructureError).number("ReferencedROINumber"))
        drawn.setdefault(number, []).extend(item.get("ContourSequence") or ())
    return drawn


def _observed(dataset: Dataset, path: Path) -> set[int]:
    items = dataset.get("RTROIObservationsSequence") or ()
    return {int(Elements(item, str(path), StructureError).number("ReferencedROINumber")) for item in items}


def _unlisted(
    regions: Sequence[Elements], drawn: Mapping[int, Sequence[Dataset]], observed: set[int]
) -> list[tuple[str, str]]:
    """Return what the file draws or describes and does not list as a region: its list is damaged or incomplete."""
    listed = {region.optional_number("ROINumber") for region in regions}
    strangers = sorted((set(drawn) | observed) - listed)
    has = {number: "contours" if drawn.get(number) else "a description" for number in strangers}
    return [(f"ROI {number}", f"has {has[number]} and is not in the file's list of regions") for number in strangers]


def _refuse_shared_number(region: Elements, regions: Sequence[Elements]) -> None:
    number = region.text("ROINumber")
    if sum(other.text("ROINumber") == number for other in regions) > 1:
        raise _UnreadableRegion(f"shares its number {number or '(none)'} with another region")


def _name(region: Elements) -> str:
    return region.text("ROIName") or f"ROI {region.text('ROINumber') or 'without a number'}"


def _region(region: Elements, dataset: Dataset, drawn: Mapping[int, Sequence[Dataset]], grid: Grid) -> ContourSet:
    frame = _frame(region, dataset)
    if not frame:
        raise _UnreadableRegion("states no frame of reference")
    if frame != grid.frame_of_reference:
        raise _UnreadableRegion(
            f"lives in the frame of reference {frame}, not in the image's {grid.frame_of_reference}"
        )
    items = drawn.get(int(region.number("ROINumber")), ())
    if not items:
        raise _UnreadableRegion("has no contours")
    return ContourSet(tuple(_contour(Elements(item, region.where, StructureError)) for item in items), frame)


def _structure(region: Elements, contours: ContourSet, words: SetWords) -> Structure:
    said = words.of(region, _name(region))
    return Structure(
        name=_name(region),
        role=said.role,
        region=contours,
        origin=said.origin,
        confirmed_by=said.confirmed_by,
        level=said.level,
        source=region.where,
    )


def _contour(item: Elements) -> Contour:
    kind = _KINDS.get(item.text("ContourGeometricType").upper())
    if kind is None:
        raise _UnreadableRegion(f"has a contour of unknown type {item.text('ContourGeometricType')!r}")
    if item.text("ContourOffsetVector") and np.any(item.numbers("ContourOffsetVector", 3)):
        raise _UnreadableRegion("has a contour drawn on one plane and meant for another (ContourOffsetVector)")
    values = _coordinates(item.dataset)
    if values.ndim != 1 or values.size == 0 or values.size % 3 or not np.isfinite(values).all():
        raise _UnreadableRegion(f"has a contour whose {values.size} coordinates are not finite triples")
    points = values.reshape(-1, 3)
    declared = item.optional_number("NumberOfContourPoints")
    if declared is not None and declared != len(points):
        raise _UnreadableRegion(f"has a contour that declares {declared:g} points and holds {len(points)}")
    if kind == "closed" and len(points) > 1 and np.abs(points[0] - points[-1]).max() < _REPEATED_MM:
        points = points[:-1]
    return Contour(points, kind)


def _coordinates(contour: Dataset) -> FloatArray:
    """Return a contour's numbers, from their text at once: an object for each would take ten times longer.

    In explicit VR more than 65534 bytes of them are written as UN: DS has no room for that length (PS3.5 6.2.2).
    """
    if "ContourData" not in contour:
        return np.empty(0)
    element = contour.get_item("ContourData")
    try:
        if isinstance(element, RawDataElement) and isinstance(element.value, bytes) and element.VR in _AS_TEXT:
            text = element.value.rstrip(b" \0")
            return np.fromiter(map(float, text.split(b"\\") if text else ()), dtype=np.float64)
        return np.asarray(contour.get("ContourData") or (), dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _UnreadableRegion(f"has a contour whose coordinates are no numbers ({str(error)[:80]})") from error


def _reference_notes(drawn: Mapping[int, Sequence[Dataset]], instance_uids: frozenset[str], path: Path) -> list[str]:
    referenced = {
        Elements(image, str(path), StructureError).text("ReferencedSOPInstanceUID")
        for items in drawn.values()
        for item in items
        for image in item.get("ContourImageSequence") or ()
    }
    strangers = len(referenced - instance_uids)
    if strangers == 0:
        return []
    return [
        f"{path.name}: {strangers} of {len(referenced)} referenced images are not in this series; contours were "
        "matched by frame of reference and position"
    ]


def _place_notes(name: str, region: ContourSet, grid: Grid) -> list[str]:
    """Say which part of a structure lies outside the image, off its slices, and what of it bounds no area."""
    points = np.concatenate([contour.points_mm for contour in region.contours])
    outside = 1 - float(grid.contains(points).mean())
    small = sum(len(contour.points_mm) < 3 for contour in region.closed)
    notes = []
    if outside > 0:
        notes.append(f"{name}: {100 * outside:.1f} % of its contour points lie outside the image")
    between = _between_slices_mm(region, grid)
    if between > SAME_PLANE_MM:
        notes.append(f"{name}: contours lie up to {between:.2f} mm off the image's slices")
    if small:
        notes.append(f"{name}: {small} closed contours of fewer than three points bound no area")
    return notes + [f"{name}: {note}" for note in _volume_notes(region)]


def _volume_notes(region: ContourSet) -> list[str]:
    """Say what of the contours bounds another volume than whoever drew them may think, or none at all."""
    if not any(len(contour.points_mm) >= 3 for contour in region.closed):
        return []
    try:
        bridged, crossing = doubtful_planes(region)
    except StructureError as error:
        return [f"bounds no volume that can be used: {error.what}"]
    notes = []
    if bridged:
        notes.append(f"planes left out between its contours, filled from their neighbours: {bridged}")
    if crossing:
        notes.append(f"planes on which its lines cross, and what lies in two of them is a hole (even-odd): {crossing}")
    return notes


def _between_slices_mm(region: ContourSet, grid: Grid) -> float:
    """Return how far closed contours reach from the slice next to their middle."""
    reach = [0.0]
    for contour in region.closed:
        k = grid.index(contour.points_mm)[:, 2]
        reach.append(float(np.abs(k - np.rint(k.mean())).max() * grid.spacing_mm[2]))
    return max(reach)
