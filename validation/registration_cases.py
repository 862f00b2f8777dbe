"""Second images of a patient with a known truth, made from a real CT: for measuring registration.

Each vertebra is moved on its own, what lies between follows smoothly, and the result is sampled by cubic splines on
another grid, blurred, made noisy, rescaled, shaded, cut to a scanner's small field and given metal with streaks. The
anatomy is the first image's own: what a second day changes besides (healing, growth, another scanner) is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from metaspine.geometry import Grid, Volume
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.resampling import with_spacing
from metaspine.imaging.regions import region_of
from metaspine.patient.image import Image
from metaspine.patient.levels import position
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.structure import Role, Structure

FRAME = "second"
_AIR_HU = -1000.0
_FIELD_MM, _RIGID_MM = 2.5, 4.5
"""The field is computed this finely, and a vertebra stays rigid to this far around it: exact inside the bone."""
_MOVED = 2
"""So many vertebrae to either side move on their own; what lies beyond follows them."""


@dataclass(frozen=True)
class Setting:
    """How a second image differs from the first."""

    level: str
    seed: int
    kind: str = "ct"
    """ct: Hounsfield units; cone-beam: rescaled, shaded, no Hounsfield units; mr: another contrast."""
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.25)
    blur_mm: float = 0.6
    noise: float = 30.0
    shading: float = 0.0
    field_mm: float = 140.0
    height_mm: float = 110.0
    turn_degrees: float = 8.0
    neighbours_turn_degrees: float = 5.0
    needle: bool = False
    screws: bool = False
    start_off_mm: float = 10.0
    start_turn_degrees: float = 5.0
    field_on: str = ""
    """The level that the field is centred on; empty: the one to register."""
    start_on: str = ""
    """The level that the start points at; empty: the one to register."""
    start: str = "turned"
    """turned: off by start_off_mm and start_turn_degrees; point: off by start_off_mm, no turn known; none: no start."""
    posture_degrees: float = 0.0
    """All are turned together by two thirds of this to all of it, about any axis: prone instead of supine."""
    apart_mm: float = 0.0
    """So far apart lie the two frames of reference."""
    cut_mm: float = 0.0
    """So far above the vertebra's middle the image ends, give or take 6 mm; 0: it shows all of it."""
    planned: str = "ct"
    """What the first image shows: ct; mr: another contrast, with noise, shading and blur."""


@dataclass(frozen=True, eq=False)
class Case:
    """A second image, where the vertebra truly lies in it, and where to begin."""

    image: Scan | Image
    truth: FloatArray
    start: FloatArray | None
    """None: nobody pointed at it."""
    points_mm: FloatArray
    """Points of the vertebra in the first image."""

    def error_mm(self, matrix: FloatArray) -> float:
        """Return the mean distance of the vertebra's points from their true places."""
        return float(np.linalg.norm(_moved(matrix, self.points_mm) - _moved(self.truth, self.points_mm), axis=1).mean())


@dataclass(frozen=True, eq=False)
class Patient:
    """A real CT with labelled vertebrae, ready to be moved."""

    scan: Scan

    @cached_property
    def vertebrae(self) -> dict[str, Structure]:
        """The labelled vertebrae from cranial to caudal."""
        found = [structure for structure in self.scan.structures if structure.role is Role.VERTEBRA]
        return {structure.level: structure for structure in sorted(found, key=lambda s: position(s.level))}

    @cached_property
    def points_mm(self) -> dict[str, FloatArray]:
        """Points of each vertebra."""
        return {level: _points(structure, self.scan.image.grid) for level, structure in self.vertebrae.items()}

    @cached_property
    def splines(self) -> NDArray[np.float32]:
        """The image's cubic spline coefficients."""
        return ndimage.spline_filter(self.scan.image.values, order=3, output=np.float32, mode="mirror")

    @cached_property
    def distances(self) -> dict[str, tuple[Grid, NDArray[np.float32]]]:
        """The distance to each vertebra, mm, in a coarse box around it."""
        return {level: _distance(points) for level, points in self.points_mm.items()}

    def near(self, *levels: str) -> list[str]:
        """Return the labelled levels that lie within two of the given ones."""
        order = list(self.vertebrae)
        places = [order.index(level) for level in levels]
        return order[max(0, min(places) - _MOVED) : max(places) + _MOVED + 1]

    def centre_mm(self, level: str) -> FloatArray:
        """Return the middle of a vertebra."""
        return self.points_mm[level].mean(axis=0)


def case_of(patient: Patient, setting: Setting) -> Case:
    """Return the second image of a setting, the same for the same seed."""
    random = np.random.default_rng(setting.seed)
    moves = _moves(patient, setting, random)
    truth = moves[setting.level]
    middle = _moved(moves[setting.field_on or setting.level], patient.centre_mm(setting.field_on or setting.level))
    down = np.array([0.0, 0.0, setting.cut_mm - setting.height_mm / 2]) if setting.cut_mm else np.zeros(3)
    grid = _grid(setting, middle + random.uniform(-6, 6, 3) + down)
    values = _sampled(patient, moves, grid)
    values = ndimage.gaussian_filter(values, setting.blur_mm / np.asarray(setting.spacing_mm))
    if setting.kind == "mr":
        values = _as_mr(values)
    values = _rescaled(values, setting, grid)
    values = _with_metal(values, grid, _moved(truth, patient.centre_mm(setting.level)), setting)
    noise = ndimage.gaussian_filter(random.normal(0, 1, grid.shape), 0.6)
    values += setting.noise / noise.std() * noise
    values = np.clip(values, -1024, 3071).astype(np.float32)
    _cut(values, grid, setting)
    image = _image(Volume(values, grid), setting)
    return Case(image, truth, _start(patient, setting, moves, random), patient.points_mm[setting.level][::7])


def _moves(patient: Patient, setting: Setting, random: np.random.Generator) -> dict[str, FloatArray]:
    """Return where each vertebra goes: all turned and shifted together, then each turned about itself."""
    together = _turned(patient.centre_mm(setting.level), random, setting.turn_degrees, random.uniform(-40, 40, 3))
    if setting.posture_degrees:
        together = _posture(patient.centre_mm(setting.level), random, setting) @ together
    return {
        level: together
        @ _turned(patient.centre_mm(level), random, setting.neighbours_turn_degrees, random.uniform(-1, 1, 3))
        for level in patient.near(setting.field_on or setting.level, setting.level)
    }


def _posture(about_mm: FloatArray, random: np.random.Generator, setting: Setting) -> FloatArray:
    axis, way = (direction / np.linalg.norm(direction) for direction in random.normal(size=(2, 3)))
    angle = np.radians(random.uniform(2 / 3, 1) * setting.posture_degrees)
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(angle * axis).as_matrix()
    matrix[:3, 3] = about_mm - matrix[:3, :3] @ about_mm + way * setting.apart_mm
    return matrix


def _turned(about_mm: FloatArray, random: np.random.Generator, degrees: float, shift: FloatArray) -> FloatArray:
    x, y, z = np.radians(random.uniform(-degrees, degrees, 3))
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = rz @ ry @ rx
    matrix[:3, 3] = about_mm - matrix[:3, :3] @ about_mm + shift
    return matrix


def _moved(matrix: FloatArray, points_mm: FloatArray) -> FloatArray:
    return points_mm @ matrix[:3, :3].T + matrix[:3, 3]


def _points(structure: Structure, grid: Grid) -> FloatArray:
    region = region_of(structure, grid)
    return grid.point_mm(np.argwhere(region.mask) + [part.start for part in region.box])


def _distance(points: FloatArray) -> tuple[Grid, NDArray[np.float32]]:
    low = points.min(axis=0) - 60
    shape = tuple(int(n) for n in np.ceil((points.max(axis=0) + 60 - low) / 2) + 1)
    grid = Grid.axis_aligned(origin_mm=low, spacing_mm=2, shape=shape, frame_of_reference=FRAME)
    free = np.ones(shape, dtype=bool)
    free[tuple(np.rint(grid.index(points)).astype(int).T)] = False
    return grid, ndimage.distance_transform_edt(free, sampling=2).astype(np.float32)


def _grid(setting: Setting, middle_mm: FloatArray) -> Grid:
    spacing = np.asarray(setting.spacing_mm)
    extent = np.array([setting.field_mm, setting.field_mm, setting.height_mm])
    shape = tuple(int(n) for n in np.ceil(extent / spacing))
    return Grid.axis_aligned(
        origin_mm=middle_mm - extent / 2, spacing_mm=spacing, shape=shape, frame_of_reference=FRAME
    )


def _sampled(patient: Patient, moves: dict[str, FloatArray], grid: Grid) -> NDArray[np.float64]:
    """Return the first image at where each point of the second came from."""
    coarse = with_spacing(grid, _FIELD_MM)
    points = coarse.point_mm(np.moveaxis(np.indices(coarse.shape), 0, -1).reshape(-1, 3))
    came_from, weights = np.zeros_like(points), np.zeros(len(points))
    for level, matrix in moves.items():
        back = _moved(np.linalg.inv(matrix), points)
        box, distance = patient.distances[level]
        away = ndimage.map_coordinates(distance, box.index(back).T, order=1, mode="nearest")
        weight = 1 / (np.maximum(away - _RIGID_MM, 0.0) ** 3 + 1e-3)
        came_from += weight[:, None] * back
        weights += weight
    index = patient.scan.image.grid.index(came_from / weights[:, None]).reshape(*coarse.shape, 3)
    return _finely(patient, index, coarse, grid)


def _finely(patient: Patient, index: FloatArray, coarse: Grid, grid: Grid) -> NDArray[np.float32]:
    """Return the first image where a coarse field of its voxel indices points, linear between the field's points."""
    steps = coarse.inverse @ grid.affine
    fine = np.indices(grid.shape, dtype=np.float32).reshape(3, -1)
    at = (np.diag(steps)[:3, None] * fine + steps[:3, 3:]).astype(np.float32)
    source = np.stack(
        [ndimage.map_coordinates(index[..., a], at, order=1, mode="nearest", output=np.float32) for a in range(3)]
    )
    values = ndimage.map_coordinates(
        patient.splines, source, order=3, prefilter=False, mode="constant", cval=_AIR_HU, output=np.float32
    )
    return values.reshape(grid.shape)


def first_image(patient: Patient, setting: Setting) -> Scan | Image:
    """Return what the second image is registered to: the CT, or the same patient in another contrast."""
    if setting.planned == "ct":
        return patient.scan
    grid, random = patient.scan.image.grid, np.random.default_rng(setting.seed)
    values = ndimage.gaussian_filter(patient.scan.image.values.astype(np.float64), 1.0 / grid.spacing_mm)
    values = _rescaled(_as_mr(values), replace(setting, kind="mr", shading=50.0), grid)
    values += random.normal(0, 25.0, grid.shape)
    return Image(Volume(values.astype(np.float32), grid), ScanOrigin("first", "0", modality="MR"))


def _as_mr(values: FloatArray) -> FloatArray:
    """Return values whose order is not density's: fat bright, muscle grey, compact bone and air dark."""
    return np.interp(values, [-900, -120, -60, 0, 50, 150, 300, 600, 1200], [5, 380, 360, 160, 190, 300, 240, 90, 15])


def _rescaled(values: FloatArray, setting: Setting, grid: Grid) -> FloatArray:
    if setting.kind == "ct" and not setting.shading:
        return values
    x, y, z = (np.linspace(-1, 1, n) for n in grid.shape)
    slow = np.sin(2 * x + 0.5)[:, None, None] * np.cos(1.5 * y)[None, :, None] * np.cos(z)[None, None, :]
    cup = (x[:, None, None] ** 2 + y[None, :, None] ** 2) * np.ones(grid.shape)
    if setting.kind == "mr":
        return values * (1 + 0.4 * setting.shading / 100 * slow)
    scaled = values * 0.8 + 60 if setting.kind == "cone-beam" else values
    return scaled * (1 - 0.1 * setting.shading / 100 * cup) + setting.shading * slow - setting.shading * cup


def _with_metal(values: FloatArray, grid: Grid, middle_mm: FloatArray, setting: Setting) -> FloatArray:
    """Return the image with a needle through a pedicle and screws, blurred as a scanner does, and with streaks."""
    if not (setting.needle or setting.screws):
        return values
    rods = [((-14.0, 55.0, 4.0), (2.0, -12.0, 0.0), 2.2)] if setting.needle else []
    if setting.screws:
        rods += [((s * 22.0, 45.0, z), (s * 8.0, -12.0, z), 3.0) for s in (-1, 1) for z in (-30.0, 30.0)]
    points = grid.point_mm(np.moveaxis(np.indices(grid.shape), 0, -1)) - middle_mm
    metal, streaks = np.zeros(grid.shape), np.zeros(grid.shape)
    for start, end, radius in rods:
        a, b = np.array(start), np.array(end)
        along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        off = points - (a + along[..., None] * (b - a))
        away = np.linalg.norm(off, axis=-1)
        metal[away <= radius] = 1
        angle = np.arctan2(off[..., 1], off[..., 0])
        streaks += np.cos(5 * angle) * 350 / (1 + (away / 6) ** 1.5) * (np.abs(off[..., 2]) < 8)
    metal = ndimage.gaussian_filter(metal, 0.7 / grid.spacing_mm)
    if setting.kind == "mr":
        return values * (1 - np.clip(2 * ndimage.gaussian_filter(metal, 1.5 / grid.spacing_mm), 0, 1))
    return values + streaks + metal * 7000


def _cut(values: NDArray[np.float32], grid: Grid, setting: Setting) -> None:
    index = np.indices(grid.shape[:2]).transpose(1, 2, 0) * grid.spacing_mm[:2]
    middle = (np.asarray(grid.shape[:2]) - 1) * grid.spacing_mm[:2] / 2
    outside = np.linalg.norm(index - middle, axis=-1) > setting.field_mm / 2
    values[outside] = -1024 if setting.kind != "mr" else 0


def _image(volume: Volume, setting: Setting) -> Scan | Image:
    if setting.kind == "ct":
        return Scan(volume, (), ScanOrigin("second", "0"))
    return Image(volume, ScanOrigin("second", "0", modality="MR" if setting.kind == "mr" else "CT"))


def _start(
    patient: Patient, setting: Setting, moves: dict[str, FloatArray], random: np.random.Generator
) -> FloatArray | None:
    if setting.start == "none":
        return None
    level, middle = setting.level, patient.centre_mm(setting.level)
    there = _moved(moves[setting.start_on or level], patient.centre_mm(setting.start_on or level))
    direction = random.normal(size=3)
    off = direction / np.linalg.norm(direction) * setting.start_off_mm
    turn = moves[level] @ _turned(middle, random, setting.start_turn_degrees, np.zeros(3))
    start = np.eye(4)
    if setting.start == "turned":
        start[:3, :3] = turn[:3, :3]
    start[:3, 3] = there + off - start[:3, :3] @ middle
    return start
