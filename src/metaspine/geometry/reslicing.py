"""Plane pictures of the patient: which way they lie, what they show, and lines drawn on them.

A view's own coordinates are millimetres from its centre: the first grows to the right of the picture, the second
downwards. Pictures follow the radiological convention: the patient's right lies on the left of axial and coronal
pictures, anterior is up on axial ones and on the left of sagittal ones, cranial is up on coronal and sagittal ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import ArrayLike

from metaspine.errors import GeometryError
from metaspine.geometry.grid import FloatArray
from metaspine.geometry.volume import Volume

_LEFT = (1.0, 0.0, 0.0)
_ANTERIOR = (0.0, -1.0, 0.0)
_CRANIAL = (0.0, 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class ViewOrientation:
    """Which way a picture lies in the patient: two perpendicular LPS unit vectors.

    Parameters
    ----------
    rightwards
        From the left of the picture to its right, along which the columns are counted.
    downwards
        From the top of the picture to its bottom, along which the rows are counted.

    Raises
    ------
    GeometryError
        When the two are not perpendicular unit vectors.
    """

    rightwards: FloatArray
    downwards: FloatArray

    def __post_init__(self) -> None:
        axes = np.array([self.rightwards, self.downwards], dtype=np.float64)
        if axes.shape != (2, 3) or not np.abs(axes @ axes.T - np.eye(2)).max() < 1e-6:
            raise GeometryError(
                "a picture's two directions are not perpendicular unit vectors",
                remedy="Use axial(), coronal(), sagittal() or a needle's view",
            )
        axes.setflags(write=False)
        object.__setattr__(self, "rightwards", axes[0])
        object.__setattr__(self, "downwards", axes[1])

    @property
    def towards_viewer(self) -> FloatArray:
        """The LPS unit vector from the picture to the person who looks at it."""
        return np.cross(self.downwards, self.rightwards)

    @property
    def edge_letters(self) -> tuple[str, str, str, str]:
        """What lies at the left, right, top and bottom edge: R, L, A, P, H (head), F (feet); oblique: several."""
        ways = (-self.rightwards, self.rightwards, -self.downwards, self.downwards)
        left, right, top, bottom = (_letters(way) for way in ways)
        return left, right, top, bottom


def axial(*, left: ArrayLike = _LEFT, anterior: ArrayLike = _ANTERIOR) -> ViewOrientation:
    """Return the axial orientation, of the patient's axes or of those given (a vertebra's): seen from the feet."""
    return _orientation(rightwards=left, upwards=anterior)


def coronal(*, left: ArrayLike = _LEFT, cranial: ArrayLike = _CRANIAL) -> ViewOrientation:
    """Return the coronal orientation, of the patient's axes or of those given (a vertebra's): seen from the front."""
    return _orientation(rightwards=left, upwards=cranial)


def sagittal(*, anterior: ArrayLike = _ANTERIOR, cranial: ArrayLike = _CRANIAL) -> ViewOrientation:
    """Return the sagittal orientation, of the patient's axes or of those given: seen from the patient's left."""
    return _orientation(rightwards=-np.asarray(anterior, dtype=np.float64), upwards=cranial)


def needle_axial(
    direction: ArrayLike, *, anterior: ArrayLike = _ANTERIOR, cranial: ArrayLike = _CRANIAL
) -> ViewOrientation:
    """Return the axial picture tilted so that it holds the whole needle.

    Its plane is spanned by the needle's direction and the vector perpendicular to it and to cranial; anterior, as far
    as it lies in the plane, is up.

    Raises
    ------
    GeometryError
        When the needle runs along the cranio-caudal axis: no axial picture can hold it.
    """
    across = np.cross(_unit(direction), _unit(cranial))
    upwards = _within(anterior, _unit(direction), _unit(across))
    viewer = _facing(np.cross(_unit(direction), across), -_unit(cranial))
    return _orientation(rightwards=np.cross(upwards, viewer), upwards=upwards)


def needle_sagittal(
    direction: ArrayLike, *, anterior: ArrayLike = _ANTERIOR, cranial: ArrayLike = _CRANIAL
) -> ViewOrientation:
    """Return the sagittal picture turned about the cranio-caudal axis so that it holds the whole needle.

    Cranial is up; what is more anterior lies on the left.

    Raises
    ------
    GeometryError
        When the needle runs along the cranio-caudal axis: the turn is then undetermined.
    """
    up = _unit(cranial)
    across = np.cross(_unit(direction), up)
    forwards = _facing(np.cross(up, across), _unit(anterior))
    return _orientation(rightwards=-forwards, upwards=up)


def needle_eye(direction: ArrayLike, *, cranial: ArrayLike = _CRANIAL) -> ViewOrientation:
    """Return the picture perpendicular to the needle, cranial up, seen from the tip towards the entry.

    A needle that comes from behind is thus seen from the front, like a coronal picture: patient right on the left.

    Raises
    ------
    GeometryError
        When the needle runs along the cranio-caudal axis.
    """
    viewer = _unit(direction)
    upwards = _unit(np.asarray(cranial, dtype=np.float64) - viewer * (viewer @ np.asarray(cranial, dtype=np.float64)))
    return _orientation(rightwards=np.cross(upwards, viewer), upwards=upwards)


@dataclass(frozen=True, eq=False)
class PlanarView:
    """A picture's frame: a rectangle in the patient, divided into square pixels.

    Parameters
    ----------
    centre_mm
        LPS, the middle of the picture.
    orientation
        Which way it lies.
    width_mm, height_mm
        The picture's size; it is rounded to whole pixels about the centre.
    pixel_mm
        The side of a pixel.
    frame_of_reference
        The frame the centre and the orientation are given in.

    Raises
    ------
    GeometryError
        When the size or the pixel is not positive.
    """

    centre_mm: FloatArray
    orientation: ViewOrientation
    width_mm: float
    height_mm: float
    pixel_mm: float
    frame_of_reference: str

    def __post_init__(self) -> None:
        centre = np.array(self.centre_mm, dtype=np.float64).reshape(3)
        centre.setflags(write=False)
        object.__setattr__(self, "centre_mm", centre)
        if not min(self.width_mm, self.height_mm, self.pixel_mm) > 0 or not np.isfinite(centre).all():
            raise GeometryError(
                f"a picture of {self.width_mm} x {self.height_mm} mm with pixels of {self.pixel_mm} mm at {centre}",
                remedy="Give a finite centre, a positive size and a positive pixel",
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and of columns."""
        return max(1, round(self.height_mm / self.pixel_mm)), max(1, round(self.width_mm / self.pixel_mm))

    @property
    def extent_mm(self) -> tuple[float, float, float, float]:
        """The outer edges of the pixels in view mm: left, right, bottom, top (mm grow downwards: bottom > top)."""
        half_height, half_width = (0.5 * n * self.pixel_mm for n in self.shape)
        return -half_width, half_width, half_height, -half_height

    def pixels_mm(self) -> FloatArray:
        """Return the LPS centres of the pixels, (rows, columns, 3)."""
        down, right = (self.pixel_mm * (np.arange(n) - (n - 1) / 2) for n in self.shape)
        return self.lift(np.stack(np.broadcast_arrays(right[None, :], down[:, None]), axis=-1))

    def project(self, points_mm: ArrayLike) -> FloatArray:
        """Return the view mm (..., 2) of LPS points (..., 3), dropped perpendicularly onto the plane."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.centre_mm
        return np.stack([offset @ self.orientation.rightwards, offset @ self.orientation.downwards], axis=-1)

    def height_above_mm(self, points_mm: ArrayLike) -> FloatArray:
        """Return how far LPS points (..., 3) lie from the plane; positive is towards the viewer."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.centre_mm
        return np.asarray(offset @ self.orientation.towards_viewer)

    def lift(self, view_mm: ArrayLike) -> FloatArray:
        """Return the LPS points (..., 3) on the plane of view mm (..., 2)."""
        position = np.asarray(view_mm, dtype=np.float64)
        axes = np.stack([self.orientation.rightwards, self.orientation.downwards])
        return np.asarray(self.centre_mm + position @ axes)


def reslice(volume: Volume, view: PlanarView, *, outside: float = np.nan) -> FloatArray:
    """Return the trilinear values (rows, columns) at the view's pixel centres; ``outside`` off the voxels.

    Raises
    ------
    FrameMismatch
        When the volume and the view live in different frames of reference.
    """
    volume.grid.require_frame(view.frame_of_reference, where="picture")
    return volume.sample(view.pixels_mm(), outside=outside)


def section(region: Volume, view: PlanarView) -> list[FloatArray]:
    """Return the outlines of a mask or coverage in the view, polylines (n, 2) in view mm.

    The outline is where the trilinear coverage is one half. A polyline that ends where it began is closed; one that is
    cut by the edge of the picture is open.

    Raises
    ------
    FrameMismatch
        When the region and the view live in different frames of reference.
    """
    return _lines(reslice(region, view, outside=0.0), view, level=0.5)


def isolines(
    volume: Volume, view: PlanarView, levels: ArrayLike, *, log: bool = False
) -> dict[float, tuple[FloatArray, ...]]:
    """Return the lines of equal value in the view, for each level its polylines (n, 3) in LPS mm.

    Parameters
    ----------
    volume
        For isodoses, Gy. Lines stop where it is NaN.
    view
        The plane and the pixels on which the lines are sought.
    levels
        In the volume's unit.
    log
        Interpolate the logarithm, which suits a steep dose fall-off; where the values are not positive there are no
        lines.

    Raises
    ------
    FrameMismatch
        When the volume and the view live in different frames of reference.
    GeometryError
        When ``log`` is asked for a level that is not positive.
    """
    wanted = [float(level) for level in np.atleast_1d(np.asarray(levels, dtype=np.float64))]
    if log and min(wanted, default=1.0) <= 0:
        raise GeometryError(f"the logarithm of the levels {wanted}", remedy="Ask for positive levels, or for log=False")
    picture = reslice(_logarithm(volume) if log else volume, view)
    return {
        level: tuple(view.lift(line) for line in _lines(picture, view, level=np.log(level) if log else level))
        for level in wanted
    }


def _lines(picture: FloatArray, view: PlanarView, *, level: float) -> list[FloatArray]:
    rows, columns = picture.shape
    if min(rows, columns) < 2:
        return []
    x = view.pixel_mm * (np.arange(columns) - (columns - 1) / 2)
    y = view.pixel_mm * (np.arange(rows) - (rows - 1) / 2)
    generator = contour_generator(x, y, np.ma.masked_invalid(picture), line_type=LineType.Separate)
    return [np.asarray(line, dtype=np.float64) for line in generator.lines(level) if len(line) > 1]


def _logarithm(volume: Volume) -> Volume:
    positive = volume.values > 0
    return Volume(np.log(volume.values, where=positive, out=np.full(volume.grid.shape, np.nan)), volume.grid)


def _orientation(*, rightwards: ArrayLike, upwards: ArrayLike) -> ViewOrientation:
    return ViewOrientation(_unit(rightwards), -_unit(upwards))


def _unit(vector: ArrayLike) -> FloatArray:
    vector = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if not length > 1e-6:
        raise GeometryError(
            "a picture's direction is undetermined (the needle runs along the reference axis)",
            remedy="Choose another picture, or another reference axis",
        )
    return vector / length


def _within(vector: ArrayLike, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the unit vector of what of ``vector`` lies in the plane of two perpendicular unit vectors."""
    vector = np.asarray(vector, dtype=np.float64)
    return _unit(first * (first @ vector) + second * (second @ vector))


def _facing(vector: FloatArray, side: FloatArray) -> FloatArray:
    return _unit(vector if vector @ side >= 0 else -vector)


def _letters(way: FloatArray) -> str:
    """Return the patient's directions within 60 degrees of ``way``, the nearest first."""
    names = ("RL", "AP", "FH")
    nearest_first = np.argsort(-np.abs(way), kind="stable")
    return "".join(names[axis][int(way[axis] > 0)] for axis in nearest_first if abs(way[axis]) >= 0.5)
