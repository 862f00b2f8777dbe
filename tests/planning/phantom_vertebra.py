"""A vertebra of boxes and ellipses with pedicles of known width, and a patient around it: all of it analytic.

LPS mm, the canal's centre at the origin: +x is the patient's left, -y anterior, +z cranial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from metaspine.geometry import Grid, Volume
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.patient.vertebra import LocalFrame, Pedicle, Vertebra

FRAME = "2.25.1701"
CANAL_HALF_WIDTH, CANAL_HALF_DEPTH = 10.0, 7.5
PEDICLE_HALF_HEIGHT, PEDICLE_Z = 8.0, 2.0
ISTHMUS_Y = -1.0
SKIN_Y = 45.0


@dataclass(frozen=True)
class Phantom:
    """The phantom's knobs; ``mirrored`` turns left into right."""

    width_mm: float = 9.5
    lesion_mm: tuple[float, float, float] = (15.0, -20.0, 2.0)
    lesion_radius_mm: float = 6.0
    mirrored: bool = False
    level: str = "T12"
    ribs: bool = False
    skin: bool = True
    spacing_mm: float = 0.75

    @property
    def grid(self) -> Grid:
        shape = tuple(int(n / self.spacing_mm) for n in (90, 100, 48))
        return Grid.axis_aligned(
            origin_mm=(-44.8, -44.7, -23.6), spacing_mm=self.spacing_mm, shape=shape, frame_of_reference=FRAME
        )

    def points(self) -> np.ndarray:
        grid = self.grid
        return grid.point_mm(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))

    def lesion_centre(self) -> np.ndarray:
        return np.asarray(self.lesion_mm) * np.array([-1.0 if self.mirrored else 1.0, 1.0, 1.0])


def in_canal(points: np.ndarray) -> np.ndarray:
    x, y, _ = np.moveaxis(points, -1, 0)
    return np.square(x / CANAL_HALF_WIDTH) + np.square(y / CANAL_HALF_DEPTH) < 1.0


def in_box(points: np.ndarray, low: tuple[float, float, float], high: tuple[float, float, float]) -> np.ndarray:
    return ((points >= low) & (points <= high)).all(axis=-1)


def in_bone(points: np.ndarray, width_mm: float) -> np.ndarray:
    x, y, z = np.moveaxis(points, -1, 0)
    body = (np.square(x / 25.0) + np.square((y + 22.0) / 14.5) < 1.0) & (np.abs(z) < 13.0)
    inner, outer = CANAL_HALF_WIDTH, CANAL_HALF_WIDTH + width_mm
    pedicle = (np.abs(x) >= inner) & (np.abs(x) <= outer) & (y > -16.0) & (y < 6.0)
    pedicle &= np.abs(z - PEDICLE_Z) <= PEDICLE_HALF_HEIGHT
    mass = (np.abs(x) >= inner) & (np.abs(x) < 28.0) & (y > 4.0) & (y < 14.0) & (np.abs(z) < 11.0)
    lamina = (np.abs(x) < 12.0) & (y > 0.0) & (y < 13.0) & (np.abs(z) < 11.0)
    spinous = (np.abs(x) < 3.0) & (y > 12.0) & (y < 32.0) & (np.abs(z) < 6.0)
    return (body | pedicle | mass | lamina | spinous) & ~in_canal(points)


def make_vertebra(phantom: Phantom) -> Vertebra:
    axes = LocalFrame(np.array([1.0, 0, 0]), np.array([0, -1.0, 0]), np.array([0, 0, 1.0]))
    across = CANAL_HALF_WIDTH + phantom.width_mm / 2
    height = 2 * PEDICLE_HALF_HEIGHT
    pedicles = {
        side: Pedicle(
            side,
            np.array([side.lps_sign * across, ISTHMUS_Y, PEDICLE_Z]),
            axes.anterior,
            phantom.width_mm,
            height,
            phantom.width_mm * height,
        )
        for side in Side
    }
    return Vertebra(
        level=phantom.level,
        frame_of_reference=FRAME,
        axes=axes,
        body_centre_mm=np.array([0.0, -22.0, 0.0]),
        canal_centre_mm=np.array([0.0, 0.0, PEDICLE_Z]),
        canal_width_mm=2 * CANAL_HALF_WIDTH,
        canal_depth_mm=2 * CANAL_HALF_DEPTH,
        right_pedicle=pedicles[Side.RIGHT],
        left_pedicle=pedicles[Side.LEFT],
        superior_endplate=None,
        inferior_endplate=None,
        complete=True,
        uncertainty_mm=0.75,
    )


def make_scan(phantom: Phantom, *, cord_origin: Origin = Origin.DRAWN, extra: tuple[Structure, ...] = ()) -> Scan:
    points, grid = phantom.points(), phantom.grid
    x, y, z = np.moveaxis(points, -1, 0)
    bone = in_bone(points, phantom.width_mm)
    lesion = np.linalg.norm(points - phantom.lesion_centre(), axis=-1) < phantom.lesion_radius_mm
    cord = np.square(x / 5.0) + np.square(y / 4.0) < 1.0
    values = np.where(bone, 400.0, 40.0)
    values[lesion] = 50.0
    if phantom.skin:
        air = np.clip((y - SKIN_Y) / 3.0 + 0.5, 0.0, 1.0)  # a blurred edge, as a scanner shows it
        values = values - air * (1000.0 + values)
    structures = [
        Structure(
            f"vertebrae_{phantom.level}", Role.VERTEBRA, Volume(bone, grid), Origin.AUTOMATIC, level=phantom.level
        ),
        Structure("lesion", Role.LESION, Volume(lesion, grid), Origin.SYNTHETIC, level=phantom.level),
        Structure("cord", Role.SPINAL_CORD, Volume(cord, grid), cord_origin),
        Structure("canal", Role.BONY_CANAL, Volume(in_canal(points), grid), Origin.DRAWN),
    ]
    if phantom.ribs:
        rib = (np.abs(x) > 23.0) & (np.abs(x) < 40.0) & (np.abs(y) < 4.0) & (np.abs(z - PEDICLE_Z) < 4.0)
        structures.append(Structure("ribs", Role.RIB, Volume(rib, grid), Origin.AUTOMATIC))
    return Scan(Volume(values, grid), (*structures, *extra), ScanOrigin("phantom.nii.gz", "f" * 64))
