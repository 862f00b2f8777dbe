"""Right and left, level and scale on every picture: from the geometry, never assumed."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from made_up_patient import ISOCENTRE_MM, make_dose, make_plan, make_scan, scan_grid
from PIL import Image

from metaspine.geometry.contours import Contour, ContourSet
from metaspine.geometry.reslicing import ViewOrientation
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.patient.side import Side
from metaspine.patient.structure import Role, Structure
from metaspine.reports.blocks import Picture
from metaspine.reports.pictures import gallery, isodose_words, plan_picture, planned_views, region_volume
from metaspine.reports.rods import needle_rod, working_channel


def letters(picture: Picture) -> dict[str, str]:
    """The orientation letters by the edge they stand at."""
    edges = {"west": "left", "east": "right", "north": "top", "south": "bottom"}
    return {edges[label.anchor]: label.text for label in picture.labels if label.style == "letter"}


@pytest.fixture(scope="module")
def pictures(plan: Plan, scan: Scan, dose: Dose) -> dict[str, Picture]:
    return {picture.name: picture for picture in gallery(plan, scan, dose).pictures}


def test_radiological_letters_on_the_three_main_pictures(pictures: dict[str, Picture]) -> None:
    assert letters(pictures["axial"]) == {"left": "R", "right": "L", "top": "A", "bottom": "P"}
    assert letters(pictures["coronal"]) == {"left": "R", "right": "L", "top": "H", "bottom": "F"}
    assert letters(pictures["sagittal"]) == {"left": "A", "right": "P", "top": "H", "bottom": "F"}


def test_level_scale_bar_and_window_stand_on_every_picture(pictures: dict[str, Picture]) -> None:
    for picture in pictures.values():
        words = [label.text for label in picture.labels]
        assert any(word.startswith("T12 · ") for word in words)
        assert "20 mm" in words
        assert any(word.startswith("W 1500 L 350") for word in words)
        assert len(letters(picture)) == 4


def test_letters_follow_the_direction_vectors(plan: Plan, scan: Scan, dose: Dose) -> None:
    axial = planned_views(plan)[0]
    turned = ViewOrientation(-axial.view.orientation.rightwards, axial.view.orientation.downwards)
    from_above = replace(axial, view=replace(axial.view, orientation=turned))
    assert letters(plan_picture(from_above, plan, scan, dose))["left"] == "L"


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_patients_left_is_drawn_beside_its_letter_whatever_the_storage(mirrored: bool) -> None:
    scan = make_scan(scan_grid(mirrored=mirrored))
    body = scan.image.values.copy()
    index = np.rint(scan.image.grid.index([12.0, -6.0, 0.0])).astype(int)
    body[index[0] - 1 : index[0] + 2, index[1] - 1 : index[1] + 2, index[2] - 1 : index[2] + 2] = 3000.0
    marked = replace(scan, image=replace(scan.image, values=body))
    plan = make_plan(marked)
    axial = planned_views(plan)[0]
    picture = plan_picture(axial, plan, marked, make_dose(marked))
    side = "right" if letters(picture)["right"] == "L" else "left"
    bright = brightest_column(picture)
    assert (bright > 0.5) == (side == "right")
    assert bright == pytest.approx(0.5 + (12.0 - ISOCENTRE_MM[0]) / 80.0, abs=0.03)


def brightest_column(picture: Picture) -> float:
    """Where the white voxel lies from the picture's left edge, read from the raster inside the SVG."""
    raster = re.search(rb"data:image/png;base64,\s*([A-Za-z0-9+/=\s]+)", picture.svg)
    assert raster
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(raster[1]))).convert("L"))
    flipped = re.search(rb"<image[^>]*scale\(1 -1\)", picture.svg) is not None
    columns = np.flatnonzero((pixels[::-1] if flipped else pixels).max(axis=0) == 255)
    return float((columns.mean() + 0.5) / pixels.shape[1])


@pytest.mark.parametrize("side", list(Side))
def test_the_needle_comes_from_the_side_of_the_plan(side: Side, scan: Scan) -> None:
    plan = make_plan(scan, side)
    rod = needle_rod(plan)
    shaft = plan.trajectory.isocentre_mm - 20.0 * plan.trajectory.direction
    assert rod.distance_mm(shaft) == pytest.approx(-2.2)
    assert (shaft[0] > ISOCENTRE_MM[0]) == (side is Side.LEFT)
    view = next(planned for planned in planned_views(plan) if planned.name == "needle").view
    assert abs(view.height_above_mm(shaft)) < 1e-9
    letter_side = view.orientation.edge_letters[0 if view.project(shaft)[0] < view.project(ISOCENTRE_MM)[0] else 1]
    assert side.letter in letter_side


def test_needle_and_channel_have_their_own_size(plan: Plan) -> None:
    needle, channel = needle_rod(plan), working_channel(plan)
    across = np.cross(plan.trajectory.direction, [0.0, 0.0, 1.0])
    across /= np.linalg.norm(across)
    shaft = plan.trajectory.isocentre_mm - 30.0 * plan.trajectory.direction
    assert needle.distance_mm(shaft + 2.2 * across) == pytest.approx(0.0, abs=1e-9)
    assert channel.distance_mm(shaft + 3.5 * across) == pytest.approx(0.0, abs=1e-9)
    for rod in (needle, channel):
        assert rod.distance_mm(plan.trajectory.tip_mm) == pytest.approx(0.0, abs=1e-9)
    assert needle.distance_mm(plan.trajectory.tip_mm - 94.0 * plan.trajectory.direction) == pytest.approx(0.0, abs=1e-9)


def test_isodoses_are_labelled_in_gray_and_per_cent(pictures: dict[str, Picture]) -> None:
    for picture in pictures.values():
        tags = [label.text for label in picture.labels if label.style == "tag"]
        assert tags == ["4 Gy · 50 %", "8 Gy · 100 %", "16 Gy · 200 %", "32 Gy · 400 %"]
    assert isodose_words(12.0, 8.0) == "12 Gy · 150 %"


def test_an_isodose_that_is_not_in_the_picture_is_not_labelled(plan: Plan, scan: Scan, dose: Dose) -> None:
    weak = replace(dose, volume=replace(dose.volume, values=np.minimum(dose.volume.values, 5.0)))
    picture = plan_picture(planned_views(plan)[0], plan, scan, weak)
    assert [label.text for label in picture.labels if label.style == "tag"] == ["4 Gy · 50 %"]


def test_the_same_picture_twice_is_the_same_bytes(plan: Plan, scan: Scan, dose: Dose) -> None:
    first, second = (plan_picture(planned_views(plan)[0], plan, scan, dose) for _ in range(2))
    assert first.svg == second.svg
    assert b"<text" not in first.svg


def test_a_drawn_structure_is_filled_near_the_picture(scan: Scan) -> None:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    rings = [
        Contour(np.stack([6 * np.cos(angle), 18 + 4.5 * np.sin(angle), np.full(60, z)], axis=1))
        for z in 1.25 * (np.arange(60) - 29.5)
    ]
    drawn = Structure(
        "cord", Role.SPINAL_CORD, ContourSet(tuple(rings), scan.frame_of_reference), scan.structures[1].origin
    )
    filled = region_volume(drawn, ISOCENTRE_MM, scan.image.grid)
    labelled = scan.structures[1].region
    inside = labelled.sample(np.array([[0.0, 18.0, 0.0], [0.0, 25.0, 0.0]]))
    assert filled.sample(np.array([[0.0, 18.0, 0.0], [0.0, 25.0, 0.0]])) == pytest.approx(inside)


def test_the_sagittal_picture_says_how_far_from_the_midline_it_lies(pictures: dict[str, Picture]) -> None:
    assert "2.0\u00a0mm left of the vertebral body's centre" in pictures["sagittal"].caption
    assert "seen from the patient's left" in pictures["sagittal"].caption
