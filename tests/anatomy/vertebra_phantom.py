"""A vertebra whose every part has a closed form, voxelised on any grid; and a spine of plain bodies for counting.

Local millimetres: left, anterior, cranial from the canal's centre at mid-height of the body.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from metaspine.geometry import Grid, Volume
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure

FRAME = "phantom"
CANAL = (10.0, 7.5)
BODY_MIDDLE, BODY = 20.5, (20.0, 14.0)
HALF_HEIGHT = 12.5
PEDICLE_OUT, PEDICLE_FORWARD, PEDICLE_UP = 14.5, 1.5, 4.0
HALF_WIDTH = {Side.LEFT: 4.5, Side.RIGHT: 3.5}
HALF_TALL = 7.0
UPRIGHT = np.array([[1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])
"""Rows: left, anterior, cranial of a patient who lies straight."""


def in_canal(p: np.ndarray) -> np.ndarray:
    return (p[..., 0] / CANAL[0]) ** 2 + (p[..., 1] / CANAL[1]) ** 2 < 1


def in_body(p: np.ndarray) -> np.ndarray:
    across = (p[..., 0] / BODY[0]) ** 2 + ((p[..., 1] - BODY_MIDDLE) / BODY[1]) ** 2 < 1
    return across & (np.abs(p[..., 2]) < HALF_HEIGHT) & ~in_canal(p)


def in_pedicle(p: np.ndarray, side: Side) -> np.ndarray:
    """A tube along anterior, thinnest at PEDICLE_FORWARD."""
    away = (p[..., 1] - PEDICLE_FORWARD) ** 2
    width, tall = HALF_WIDTH[side] + 0.02 * away, HALF_TALL + 0.03 * away
    across = ((p[..., 0] - side.lps_sign * PEDICLE_OUT) / width) ** 2 + ((p[..., 2] - PEDICLE_UP) / tall) ** 2 < 1
    return across & (p[..., 1] > -8) & (p[..., 1] < 16)


def in_arch(p: np.ndarray) -> np.ndarray:
    outer = (p[..., 0] / 19) ** 2 + (p[..., 1] / 13.5) ** 2 < 1
    lamina = outer & (p[..., 1] < -5) & (p[..., 2] > -10) & (p[..., 2] < 7)
    spinous = (np.abs(p[..., 0]) < 3) & (p[..., 1] < -7) & (p[..., 1] > -34) & (p[..., 2] > -14) & (p[..., 2] < 2)
    out = np.abs(p[..., 0])
    transverse = (out > 12) & (out < 32) & (p[..., 1] > -11) & (p[..., 1] < -6) & (p[..., 2] > 0) & (p[..., 2] < 8)
    return lamina | spinous | transverse


def in_bone(p: np.ndarray) -> np.ndarray:
    solid = in_body(p) | in_arch(p) | in_pedicle(p, Side.LEFT) | in_pedicle(p, Side.RIGHT)
    return solid & ~in_canal(p)


def body_centre() -> np.ndarray:
    """The centroid of the body in front of the canal, by fine sampling of the closed form."""
    p = np.stack(np.meshgrid(np.arange(-21, 21, 0.25), np.arange(7.5, 35, 0.25), [0.0], indexing="ij"), -1)
    return p[in_body(p)].mean(axis=0)


@dataclass(frozen=True, eq=False)
class Truth:
    """Where a placed phantom's points are: ``axes`` rows are left, anterior, cranial in LPS."""

    axes: np.ndarray
    origin_mm: np.ndarray

    def point(self, local: object) -> np.ndarray:
        return self.origin_mm + np.asarray(local, dtype=float) @ self.axes

    def local(self, points_mm: np.ndarray) -> np.ndarray:
        return (points_mm - self.origin_mm) @ self.axes.T

    def isthmus(self, side: Side) -> np.ndarray:
        return self.point([side.lps_sign * PEDICLE_OUT, PEDICLE_FORWARD, PEDICLE_UP])


def upright(origin: tuple[float, float, float] = (11.0, -73.0, 140.0)) -> Truth:
    return Truth(UPRIGHT, np.array(origin))


def grid_around(truth: Truth, *, spacing: object = 1.0, reach: float = 50.0) -> Grid:
    step = np.broadcast_to(np.asarray(spacing, dtype=float), 3)
    i, j, k = (int(n) for n in np.ceil(2 * reach / step))
    return Grid.axis_aligned(
        origin_mm=truth.origin_mm - reach, spacing_mm=step, shape=(i, j, k), frame_of_reference=FRAME
    )


def points_of(grid: Grid) -> np.ndarray:
    return grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1))


def vertebra(truth: Truth, grid: Grid, level: str = "L1") -> Structure:
    mask = Volume(in_bone(truth.local(points_of(grid))), grid)
    return Structure(f"vertebrae_{level}", Role.VERTEBRA, cropped(mask), Origin.AUTOMATIC, level=level)


def cropped(mask: Volume) -> Volume:
    bounds = mask.bounds()
    return mask if bounds is None else mask.cropped(*bounds)


def scan_of(grid: Grid, *structures: Structure, values: np.ndarray | None = None) -> Scan:
    image = np.zeros(grid.shape, dtype=np.int16) if values is None else values
    return Scan(Volume(image, grid), structures, ScanOrigin("phantom", ""))


def stored_otherwise(scan: Scan, order: tuple[int, int, int], flips: tuple[int, ...]) -> Scan:
    """The same patient, with the array axes permuted and reversed: every voxel stays where it is."""
    structures = (replace(s, region=_reordered(s.region, order, flips)) for s in scan.structures)
    return Scan(_reordered(scan.image, order, flips), tuple(structures), scan.origin)


def _reordered(volume: Volume, order: tuple[int, int, int], flips: tuple[int, ...]) -> Volume:
    affine = volume.grid.affine.copy()
    for axis in flips:
        affine[:3, 3] += affine[:3, axis] * (volume.grid.shape[axis] - 1)
        affine[:3, axis] *= -1
    affine[:3, :3] = affine[:3, list(order)]
    values = np.transpose(np.flip(volume.values, flips), order)
    i, j, k = values.shape
    return Volume(np.ascontiguousarray(values), Grid(affine, (i, j, k), volume.grid.frame_of_reference))


def mirrored(scan: Scan) -> Scan:
    """The mirror image of the patient: x becomes -x."""
    structures = (replace(s, region=_mirrored(s.region)) for s in scan.structures)
    return Scan(_mirrored(scan.image), tuple(structures), scan.origin)


def _mirrored(volume: Volume) -> Volume:
    affine = volume.grid.affine.copy()
    affine[0] *= -1
    return Volume(volume.values, Grid(affine, volume.grid.shape, volume.grid.frame_of_reference))


def plain_spine(
    levels: list[str], *, ribs_on: tuple[str, ...] = (), sacrum: bool = False, half_width_mm: float = 80.0
) -> Scan:
    """Bodies 18 mm high every 24 mm from cranial to caudal, with ribs and a sacrum; 2 mm voxels."""
    grid = Grid.axis_aligned(
        origin_mm=(-half_width_mm, -60.0, 0.0),
        spacing_mm=2.0,
        shape=(int(half_width_mm) + 1, 50, 12 * (len(levels) + 2)),
        frame_of_reference=FRAME,
    )
    p = points_of(grid)
    found = []
    for n, name in enumerate(levels):
        height = 24.0 * (len(levels) - n) + 12.0
        column = np.abs(p[..., 2] - height)
        inside = (np.hypot(p[..., 0], p[..., 1]) < 17) & (column < 9)
        found.append(Structure(f"vertebrae_{name}", Role.VERTEBRA, _crop(inside, grid), Origin.AUTOMATIC, level=name))
        if name in ribs_on:
            for side in Side:
                out = p[..., 0] * side.lps_sign
                rib = (out > 20) & (out < half_width_mm - 4) & (np.abs(p[..., 1]) < 5) & (column < 5)
                found.append(Structure(f"rib_{side}_99_{name}", Role.RIB, _crop(rib, grid), Origin.AUTOMATIC))
    if sacrum:
        inside = (np.hypot(p[..., 0], p[..., 1]) < 25) & (p[..., 2] < 24)
        found.append(Structure("sacrum", Role.SACRUM, _crop(inside, grid), Origin.AUTOMATIC))
    return scan_of(grid, *found)


def _crop(inside: np.ndarray, grid: Grid) -> Volume:
    return cropped(Volume(inside, grid))
