"""Label maps: one NIfTI or NRRD image whose whole numbers name the structures."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from metaspine.errors import GridMismatch, StructureError
from metaspine.exchange.nifti import NiftiImage, read_nifti
from metaspine.exchange.nrrd import NrrdImage, is_nrrd, read_nrrd_layers
from metaspine.exchange.numbering import (
    LabelEntry,
    Numbering,
    entry_of_name,
    named_numbering,
    read_mapping,
    recognise,
)
from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.patient.levels import position
from metaspine.patient.structure import Origin, Role, Structure

_SAME_MM = 0.05
_HIGHEST_LABEL = 65535


def read_label_map(
    path: Path, *, grid: Grid, mapping: Path | None = None
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    """Read the structures of a label map that lies on the image's grid, in any axis order.

    The meaning of the numbers comes from ``mapping``, else from the mapping file beside the label map, else from names
    in the file's header, else it is recognised. Labels without a meaning are kept as ``label_<number>``.

    Returns
    -------
    The structures, each a bool Volume cropped to its bounding box, and notes for the user.

    Raises
    ------
    ImageError
        When the file is no readable NIfTI or NRRD image.
    GridMismatch
        When it lies on another grid.
    StructureError
        When it holds fractions, negative numbers or nothing, or its numbering cannot be known.
    """
    images = read_nrrd_layers(path) if is_nrrd(path) else (read_nifti(path),)
    read = [_structures_of(image, grid, mapping, path) for image in images]
    structures = tuple(structure for found, _ in read for structure in found)
    if not structures:
        raise StructureError("holds no label", where=str(path), remedy="Check that it is the segmentation of this CT")
    notes = dict.fromkeys(note for _, said in read for note in said)
    return structures, (*notes, *_order_notes(structures, path))


def _structures_of(
    image: NiftiImage | NrrdImage, grid: Grid, mapping: Path | None, path: Path
) -> tuple[tuple[Structure, ...], tuple[str, ...]]:
    labels = _on_grid(_whole_numbers(image.volume.values, path), image.volume.grid, grid, path)
    boxes = {number: box for number, box in enumerate(ndimage.find_objects(labels), start=1) if box is not None}
    if not boxes:
        return (), image.notes
    numbering = _numbering(path, mapping, image.embedded_names, boxes, labels, grid)
    structures = tuple(_structure(number, box, labels, grid, numbering, path) for number, box in boxes.items())
    return structures, image.notes + _numbering_notes(numbering, boxes, path)


def _whole_numbers(values: NDArray[Any], path: Path) -> NDArray[np.int32]:
    if values.dtype.kind == "f" and not (np.isfinite(values).all() and np.array_equal(values, np.rint(values))):
        raise StructureError(
            "its values are not whole numbers",
            where=str(path),
            remedy="Give a label map, not probabilities, and resample labels with nearest neighbour",
        )
    if values.min() < 0 or values.max() > _HIGHEST_LABEL:
        raise StructureError(
            f"its labels run from {values.min():g} to {values.max():g}; 0 to {_HIGHEST_LABEL} can be read",
            where=str(path),
            remedy="Give a label map, not the CT or a probability map",
        )
    return values.astype(np.int32)


def _on_grid(labels: NDArray[np.int32], own: Grid, grid: Grid, path: Path) -> NDArray[np.int32]:
    """Return the labels in the index order of ``grid``, by exact permutation and flips of their axes."""
    to_own = own.inverse @ grid.affine
    turn = np.rint(to_own[:3, :3]).astype(int)
    axes = np.abs(turn).argmax(axis=0)
    if sorted(axes) == [0, 1, 2] and np.abs(turn).sum() == 3:
        turned = labels.transpose(axes)
        flips = tuple(slice(None, None, int(turn[axes[axis], axis])) for axis in range(3))
        reordered = turned[flips]
        affine = _reordered_affine(own, turn, labels.shape)
        if reordered.shape == grid.shape and _corners_apart_mm(affine, grid) <= _SAME_MM:
            return np.ascontiguousarray(reordered)
    raise GridMismatch(
        f"the label map lies on another grid than the image (EXCHANGE-04): {_geometry(own)}; "
        f"the image: {_geometry(grid)}",
        where=str(path),
        remedy="Segment this very image, or resample the label map onto it with nearest neighbour",
    )


def _reordered_affine(own: Grid, turn: NDArray[np.int_], shape: tuple[int, ...]) -> FloatArray:
    """Return the affine of ``own`` once its axes are turned; a flipped axis starts at its last voxel."""
    affine = np.eye(4)
    affine[:3, :3] = own.affine[:3, :3] @ turn
    start = np.where(turn.sum(axis=1) < 0, np.asarray(shape) - 1, 0)
    affine[:3, 3] = own.point_mm(start)
    return affine


def _corners_apart_mm(affine: FloatArray, grid: Grid) -> float:
    other = Grid(affine, grid.shape, grid.frame_of_reference)
    return float(np.linalg.norm(other.corners_mm() - grid.corners_mm(), axis=1).max())


def _geometry(grid: Grid) -> str:
    shape = " x ".join(str(n) for n in grid.shape)
    spacing = " x ".join(f"{value:.3f}" for value in grid.spacing_mm)
    corners = grid.corners_mm()
    low, high = corners.min(axis=0), corners.max(axis=0)
    extent = ", ".join(f"{axis} {a:.1f} to {b:.1f}" for axis, a, b in zip("xyz", low, high, strict=True))
    return f"{shape} voxels of {spacing} mm, LPS {extent} mm"


def _numbering(
    path: Path,
    mapping: Path | None,
    embedded_names: dict[int, str],
    boxes: dict[int, tuple[slice, ...]],
    labels: NDArray[np.int32],
    grid: Grid,
) -> Numbering:
    beside = path.with_name(_stem(path) + ".yaml")
    if mapping is not None or beside.is_file():
        return read_mapping(mapping or beside)
    if embedded_names:
        return named_numbering(embedded_names)
    if set(boxes) == {1}:
        return _single_mask(path)
    return recognise(_heights_mm(labels, boxes, grid), where=str(path))


def _single_mask(path: Path) -> Numbering:
    """Return the numbering of a file that holds one structure, which is named after the file."""
    entry = entry_of_name(_stem(path).removeprefix("mask_"))
    return Numbering("one structure a file", {1: entry.model_copy(update={"origin": Origin.UNKNOWN})}, "file name")


def _stem(path: Path) -> str:
    name = path.name
    for ending in (".nii.gz", ".nii", ".seg.nrrd", ".nrrd"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return path.stem


def _heights_mm(labels: NDArray[np.int32], boxes: dict[int, tuple[slice, ...]], grid: Grid) -> dict[int, float]:
    """Return the height (LPS z) of every label's centre of mass."""
    heights = {}
    for number, box in boxes.items():
        inside = np.argwhere(labels[box] == number).mean(axis=0)
        heights[number] = float(grid.point_mm(inside + [part.start for part in box])[2])
    return heights


def _order_notes(structures: tuple[Structure, ...], path: Path) -> tuple[str, ...]:
    """Say which neighbouring vertebrae lie the wrong way round: mixed-up labels, or an image upside down."""
    heights = {
        item.level: float(item.region.grid.point_mm(np.argwhere(item.region.values).mean(axis=0))[2])
        for item in structures
        if item.role is Role.VERTEBRA and item.level and isinstance(item.region, Volume)
    }
    wrong = [(a, b) for a, b in pairwise(sorted(heights, key=position)) if heights[a] <= heights[b]]
    return tuple(f"{path.name}: the vertebra labelled {a} lies below the one labelled {b}" for a, b in wrong)


def _structure(
    number: int, box: tuple[slice, ...], labels: NDArray[np.int32], grid: Grid, numbering: Numbering, path: Path
) -> Structure:
    entry = numbering.labels.get(number) or LabelEntry(name=f"label_{number}", role=Role.OTHER)
    (i, j, k) = box
    region = Volume(labels[box] == number, grid.cropped((i.start, j.start, k.start), (i.stop, j.stop, k.stop)))
    return Structure(
        name=entry.name,
        role=entry.role,
        region=region,
        origin=entry.origin or Origin.AUTOMATIC,
        confirmed_by=entry.confirmed_by,
        level=entry.level,
        source=str(path),
    )


def _numbering_notes(numbering: Numbering, boxes: dict[int, tuple[slice, ...]], path: Path) -> tuple[str, ...]:
    notes = [f"{path.name}: labels read as {numbering.scheme} ({numbering.known_from})"]
    unnamed = [str(number) for number in boxes if number not in numbering.labels]
    if unnamed:
        notes.append(
            f"{path.name}: {numbering.scheme} has no name for label {', '.join(unnamed)}; kept as "
            f"{', '.join(f'label_{number}' for number in unnamed)}"
        )
    return tuple(notes)
