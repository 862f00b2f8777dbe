"""The bony canal of a stack of phantoms, and where skin is and where the image merely ends."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from vertebra_phantom import (
    CANAL,
    FRAME,
    PEDICLE_OUT,
    Truth,
    grid_around,
    in_bone,
    points_of,
    scan_of,
    upright,
    vertebra,
)

from metaspine.anatomy.canal import bony_canal, neural_content
from metaspine.anatomy.skin import patient_surface, skin_depth_mm, skin_point, skin_points
from metaspine.errors import LevelError, StructureError
from metaspine.geometry import Grid, Volume
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Role, Structure

SPACING_MM = 32.0


@cache
def spine_of_three() -> tuple[Scan, Truth]:
    middle = upright((0.0, 0.0, 0.0))
    grid = grid_around(middle, spacing=1.25, reach=62.0)
    levels = {"T12": SPACING_MM, "L1": 0.0, "L2": -SPACING_MM}
    parts = [vertebra(Truth(middle.axes, np.array([0, 0, up])), grid, name) for name, up in levels.items()]
    return scan_of(grid, *parts), middle


def test_the_canal_of_three_vertebrae_is_one_tube() -> None:
    scan, truth = spine_of_three()
    canal = bony_canal(scan, "L1")
    assert canal.role is Role.BONY_CANAL
    assert canal.origin is Origin.DERIVED
    assert not canal.confirmed
    assert canal.level == "L1"
    assert "closed bone rings of T12, L1, L2" in canal.source
    assert "interpolated" in canal.source
    local = truth.local(canal.region.grid.point_mm(np.argwhere(canal.region.values)))
    assert np.ptp(local[:, 2]) > 70
    # all of the elliptic canal is in it, at the rings as well as between the vertebrae, half a voxel from its wall
    ellipse = points_of(grid_around(truth, spacing=1.0)).reshape(-1, 3)
    inside = (ellipse[:, 0] / (CANAL[0] - 0.8)) ** 2 + (ellipse[:, 1] / (CANAL[1] - 0.8)) ** 2 < 1
    wanted = ellipse[inside & (np.abs(ellipse[:, 2]) < 33)]
    assert (canal.region.sample(wanted, outside=0) >= 0.5).mean() > 0.995
    # and it does not reach far beyond: into the gaps beside the pedicles' waists, never into bone
    area = len(local) * 0.75**3 / np.ptp(local[:, 2])
    assert area < np.pi * (CANAL[0] + 2) * (CANAL[1] + 2)
    # where the pedicles' lower edges taper, the closed ring is as wide as the pedicles' middles are apart
    assert np.abs(local[:, 0]).max() < PEDICLE_OUT + 2
    assert np.abs(local[:, 1]).max() < CANAL[1] + 4
    for up in (SPACING_MM, 0.0, -SPACING_MM):
        level_with = local[np.abs(local[:, 2] - up) < 12] - [0, 0, up]
        assert in_bone(level_with).mean() < 0.03


def test_the_canal_keeps_to_its_reach() -> None:
    scan, truth = spine_of_three()
    near = bony_canal(scan, "L1", reach_mm=15.0)
    height = truth.local(near.region.grid.point_mm(np.argwhere(near.region.values)))[:, 2]
    assert 26 < np.ptp(height) <= 30.5


def test_a_canal_that_no_ring_closes_is_refused() -> None:
    truth = upright()
    grid = grid_around(truth)
    local = truth.local(points_of(grid))
    opened = in_bone(local) & ~((np.abs(local[..., 0]) < 8) & (local[..., 1] < 0))
    label = Structure("vertebrae_L1", Role.VERTEBRA, Volume(opened, grid), Origin.AUTOMATIC, level="L1")
    with pytest.raises(StructureError, match=r"bone closes around no canal at L1\. Draw the canal"):
        bony_canal(scan_of(grid, label), "L1")
    with pytest.raises(LevelError, match="L4 is not labelled"):
        bony_canal(scan_of(grid, label), "L4")


@pytest.mark.parametrize(
    ("level", "content", "cord"),
    [
        ("C5", "spinal cord", True),
        ("T11", "spinal cord", True),
        ("T12", "conus or cauda equina", True),
        ("L2", "conus or cauda equina", True),
        ("L3", "cauda equina", False),
        ("S1", "cauda equina", False),
    ],
)
def test_cord_and_cauda(level: str, content: str, cord: bool) -> None:
    found = neural_content(level)
    assert (found.content, found.cord_possible) == (content, cord)
    assert level in found.note


def patient(*, table_mm: float = 90.0, noise: bool = True) -> tuple[Scan, np.ndarray]:
    """A trunk (ellipse 120 x 80 mm half axes) with two lungs, on a table, in a room; LPS millimetres."""
    grid = Grid.axis_aligned(
        origin_mm=(-150, -110, -20), spacing_mm=2.0, shape=(151, 110, 21), frame_of_reference=FRAME
    )
    p = points_of(grid)
    air = np.random.default_rng(7).normal(-995, 12, grid.shape) if noise else np.full(grid.shape, -1024.0)
    trunk = (p[..., 0] / 120) ** 2 + (p[..., 1] / 80) ** 2 < 1
    lungs = (((np.abs(p[..., 0]) - 55) / 35) ** 2 + ((p[..., 1] + 10) / 45) ** 2) < 1
    table = (p[..., 1] > table_mm) & (p[..., 1] < table_mm + 4) & (np.abs(p[..., 0]) < 140)
    values = np.where(trunk, 40.0, air)
    values = np.where(lungs, -850.0, values)
    values = np.where(table, 100.0, values)
    return scan_of(grid, values=values.astype(np.int16)), np.array([0.0, 40.0, 0.0])


def test_skin_is_where_the_trunk_ends_not_the_table_and_not_the_lung() -> None:
    scan, inside = patient()
    surface = patient_surface(scan)
    np.testing.assert_allclose(skin_point(surface, inside, [0, 1, 0]), [0, 80, 0], atol=1.2)
    assert skin_depth_mm(surface, inside, [0, 3, 0]) == pytest.approx(40, abs=1.2)
    # sideways the line crosses a lung and goes on to the flank
    flank = skin_point(surface, [0, -10.0, 0], [1, 0, 0])
    np.testing.assert_allclose(flank, [120 * np.sqrt(1 - (10 / 80) ** 2), -10, 0], atol=1.2)
    assert skin_point(surface, [0, 100.0, 0], [0, 1, 0]) is None  # starts outside the body


def test_the_table_on_which_the_patient_lies_is_not_skin() -> None:
    scan, inside = patient(table_mm=84.0)  # one voxel of cloth between skin and table
    skin = skin_point(patient_surface(scan), inside, [0, 1, 0])
    assert skin is not None
    assert 78 < skin[1] < 82  # within a voxel


def test_the_face_of_a_crop_is_not_skin() -> None:
    scan, inside = patient()
    low, high = scan.image.grid.index([[-40, -60, -20], [100, 62, 20]]).round().astype(int)
    cropped = Scan(scan.image.cropped(tuple(low), tuple(high)), (), scan.origin)
    surface = patient_surface(cropped)
    for way in ([0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [0.5, 1, 0]):
        assert skin_point(surface, inside, way) is None, way
    assert skin_depth_mm(surface, inside, [0, 1, 0]) is None


def test_a_lung_cut_by_the_crop_is_not_the_room() -> None:
    scan, _ = patient()
    start, stop = (0, 0, 0), (int(scan.image.grid.index([60, 0, 0])[0]), *scan.image.grid.shape[1:])
    surface = patient_surface(Scan(scan.image.cropped(start, stop), (), scan.origin))
    assert skin_point(surface, [0, -10.0, 0], [1, 0, 0]) is None


def test_the_border_of_the_reconstruction_circle_is_not_skin() -> None:
    scan, _ = patient(noise=False)
    values = scan.image.values.copy()
    values[np.abs(points_of(scan.image.grid)[..., 0]) > 100] = -1024
    surface = patient_surface(Scan(Volume(values, scan.image.grid), (), scan.origin))
    assert skin_point(surface, [0, 60.0, 0], [1, 0, 0]) is None


def test_many_lines_leave_the_body_where_its_dense_samples_say() -> None:
    scan, _ = patient()
    surface = patient_surface(scan)
    chance = np.random.default_rng(3)
    starts = chance.uniform((-60, -30, -2), (60, 60, 2), (60, 3))
    ways = chance.normal(size=(60, 3)) * (1.0, 1.0, 0.02)
    ends = skin_points(surface, starts, ways)
    steps = np.arange(0.0, 300.0, 0.25)
    for start, way, end in zip(starts, ways, ends, strict=True):
        line = start + steps[:, None] * way / np.linalg.norm(way)
        inside = np.flatnonzero(surface.body.sample(line, outside=0.0) >= 0.5)
        np.testing.assert_allclose(end, line[inside[-1]], atol=0.26)
