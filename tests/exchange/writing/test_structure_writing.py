"""What an RTSTRUCT says of each region, and what it refuses to write."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from metaspine.errors import FrameMismatch, OutputError
from metaspine.exchange.writing.rtstruct import NEEDLE, UNDEFINED_DOSE, rtstruct, write_rtstruct
from metaspine.exchange.writing.seg import seg
from metaspine.exchange.writing.studies import study_of
from metaspine.geometry import Grid, Volume
from metaspine.geometry.contours import Contour, ContourSet
from metaspine.patient.dose import Dose, DoseProvenance
from metaspine.patient.plan import Approach, Trajectory
from metaspine.patient.scan import Scan, ScanOrigin
from metaspine.patient.side import Side
from metaspine.patient.structure import Origin, Role, Structure
from metaspine.patient.study import Study
from metaspine.physics.applicators import DoseConvention

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FRAME = "1.2.3.4"
GRID = Grid(np.diag([1.0, 1.0, 2.0, 1.0]), (12, 12, 6), FRAME)


def block(name: str = "block", role: Role = Role.OTHER, origin: Origin = Origin.AUTOMATIC, **words: str) -> Structure:
    mask = np.zeros(GRID.shape, bool)
    mask[3:9, 3:9, 1:4] = True
    return Structure(name, role, Volume(mask, GRID), origin, **words)


def scan_of(*structures: Structure, **words: object) -> Scan:
    origin = ScanOrigin("ct", "c" * 64, study=Study(patient_id="17", study_uid="1.2.5"))
    return Scan(Volume(np.zeros(GRID.shape, np.int16), GRID), structures, replace(origin, **words))  # type: ignore[arg-type]


def made(*structures: Structure, **words: object) -> Dataset:
    return rtstruct(scan_of(*structures), when=WHEN, **words)  # type: ignore[arg-type]


def dose_in(frame: str) -> Dose:
    grid = Grid(GRID.affine, GRID.shape, frame)
    values = np.ones(GRID.shape)
    values[5:7, 5:7, 2] = np.nan
    provenance = DoseProvenance("water", "1", "needle", "nominal", False, "c" * 64)
    return Dose(Volume(values, grid), Volume(values, grid), "water", DoseConvention.CONSOLE, provenance)


def path_of_needle(entry: np.ndarray | None) -> Trajectory:
    tip = np.array([5.0, 6.0, 7.0])
    return Trajectory(
        Side.LEFT, Approach.TRANSPEDICULAR, entry, tip, np.array([0, 0, 1.0]), tip, None, np.zeros(3), 1, 1, 1, 1, 1
    )


@pytest.mark.parametrize(
    ("role", "interpreted"),
    [(Role.LESION, "GTV"), (Role.BODY, "EXTERNAL"), (Role.SPINAL_CORD, "ORGAN"), (Role.OTHER, "")],
)
def test_roles_are_written_as_interpreted_types(role: Role, interpreted: str) -> None:
    assert made(block(role=role)).RTROIObservationsSequence[0].RTROIInterpretedType == interpreted


@pytest.mark.parametrize("origin", list(Origin))
def test_only_what_a_person_drew_is_manual(origin: Origin) -> None:
    (region,) = made(block(origin=origin)).StructureSetROISequence
    assert region.ROIGenerationAlgorithm == ("MANUAL" if origin is Origin.DRAWN else "AUTOMATIC")
    assert f"origin {origin.value}" in region.ROIDescription
    assert ("confirmed by nobody" in region.ROIDescription) == (origin is not Origin.DRAWN)


def test_who_confirmed_it_and_its_level_are_said() -> None:
    dataset = made(block(confirmed_by="Dr Who", level="T12"))
    assert dataset.RTROIObservationsSequence[0].ROIInterpreter == "Dr Who"
    assert "level T12" in dataset.StructureSetROISequence[0].ROIDescription


def test_names_fit_and_stay_apart() -> None:
    long = "a very long name of a structure " * 4
    dataset = made(block(long + "one"), block(long + "two"), block("back\\slash"))
    names = [item.ROIName for item in dataset.StructureSetROISequence]
    assert len(set(names)) == 3
    assert all(len(name) <= 64 for name in names)
    assert names[2] == "back slash"
    assert long.strip() in dataset.StructureSetROISequence[0].ROIDescription


def test_it_is_never_approved_and_names_what_could_not_be_read() -> None:
    scan = replace(scan_of(block()), unreadable=(("PTV", "has no contours"),))
    dataset = rtstruct(scan, when=WHEN)
    assert dataset.ApprovalStatus == "UNAPPROVED"
    assert "Not in this set, unreadable: PTV (has no contours)." in dataset.StructureSetDescription


def test_a_structure_without_an_outline_is_listed_with_the_reason() -> None:
    thin = Structure("thin", Role.RIB, Volume(np.full(GRID.shape, 0.2), GRID), Origin.DERIVED)
    dataset = made(block(), thin)
    assert dataset.StructureSetROISequence[1].ROIName == "thin"
    assert "no voxel is at least half covered" in dataset.StructureSetROISequence[1].ROIDescription
    assert "ContourSequence" not in dataset.ROIContourSequence[1]


@pytest.mark.parametrize("entry", [np.array([1.0, 2.0, 3.0]), None])
def test_the_needle_is_an_open_line_from_skin_or_bone_to_its_tip(entry: np.ndarray | None) -> None:
    dataset = made(block(), needle=path_of_needle(entry))
    (contour,) = dataset.ROIContourSequence[1].ContourSequence
    assert dataset.StructureSetROISequence[1].ROIName == NEEDLE
    assert dataset.RTROIObservationsSequence[1].RTROIInterpretedType == "BRACHY_CHANNEL"
    assert contour.ContourGeometricType == "OPEN_NONPLANAR"
    start = [0, 0, 0] if entry is None else [1, 2, 3]
    assert [float(x) for x in contour.ContourData] == [*start, 5, 6, 7]
    assert ("from the bone" in dataset.StructureSetROISequence[1].ROIDescription) == (entry is None)


def test_where_no_dose_is_defined_becomes_a_region() -> None:
    dataset = made(block(), dose=dose_in(FRAME))
    assert dataset.StructureSetROISequence[1].ROIName == UNDEFINED_DOSE
    (contour,) = dataset.ROIContourSequence[1].ContourSequence
    corners = np.reshape([float(x) for x in contour.ContourData], (-1, 3))
    assert corners.min(axis=0) == pytest.approx([4.5, 4.5, 4.0])
    assert corners.max(axis=0) == pytest.approx([6.5, 6.5, 4.0])
    with pytest.raises(FrameMismatch, match="the dose"):
        made(block(), dose=dose_in("1.2.9"))


def test_a_contour_longer_than_explicit_vr_can_hold_is_kept(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    circle = np.c_[5 * np.cos(angle) + 6, 5 * np.sin(angle) + 6, np.full(angle.size, 4.0)]
    drawn = Structure("GTV", Role.LESION, ContourSet((Contour(circle),), FRAME), Origin.DRAWN)
    dataset = pydicom.dcmread(write_rtstruct(scan_of(drawn), tmp_path / "structures.dcm", when=WHEN))
    data = dataset.ROIContourSequence[0].ContourSequence[0].get_item("ContourData").value
    assert len(data) > 65534
    read = np.reshape([float(x) for x in dataset.ROIContourSequence[0].ContourSequence[0].ContourData], (-1, 3))
    assert np.abs(read - circle).max() <= 0.5e-6


def test_lines_that_cross_are_written_as_drawn_and_said() -> None:
    square = np.array([[0, 0, 4.0], [6, 0, 4], [6, 6, 4], [0, 6, 4]])
    crossing = ContourSet((Contour(square), Contour(square + np.array([3.0, 2.0, 0]))), FRAME)
    dataset = made(Structure("GTV", Role.LESION, crossing, Origin.DRAWN))
    drawn = dataset.ROIContourSequence[0].ContourSequence
    assert [item.ContourGeometricType for item in drawn] == ["CLOSED_PLANAR"] * 2
    assert [float(x) for x in drawn[0].ContourData] == square.ravel().tolist()
    assert "lines of one plane cross" in dataset.StructureSetROISequence[0].ROIDescription


def test_lines_that_are_not_planar_are_written_as_drawn_and_said() -> None:
    bent = np.array([[0, 0, 0.0], [6, 0, 0], [6, 6, 3], [0, 6, 0]])
    dataset = made(Structure("GTV", Role.LESION, ContourSet((Contour(bent),), FRAME), Origin.DRAWN))
    assert [float(x) for x in dataset.ROIContourSequence[0].ContourSequence[0].ContourData] == bent.ravel().tolist()
    assert "parallel planes" in dataset.StructureSetROISequence[0].ROIDescription


def test_a_scan_without_structures_is_refused() -> None:
    with pytest.raises(OutputError, match="no structure to write"):
        made()


@pytest.mark.parametrize("value", [np.nan, 1e6])
def test_a_contour_nowhere_near_a_patient_is_refused(value: float) -> None:
    line = Contour(np.array([[0, 0, 0], [0, 0, value]]), "open")
    with pytest.raises(OutputError, match=r"catheter: a contour lies nowhere near a patient"):
        made(Structure("catheter", Role.OTHER, ContourSet((line,), FRAME), Origin.DRAWN))


def test_without_highdicom_a_segmentation_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(OutputError, match=r"highdicom, which is not installed.*metaspine\[segmentations\]"):
        seg(scan_of(block()), when=WHEN)


def test_a_scan_without_a_study_always_gets_the_same_one() -> None:
    scan = scan_of(block(), study=None)
    assert study_of(scan) == study_of(scan)
    assert study_of(scan).study_uid
    assert study_of(scan, study=Study(patient_id="9")).patient_id == "9"
    assert study_of(scan, study=Study(patient_id="9")).study_uid == study_of(scan).study_uid
    assert study_of(scan_of(block())).study_uid == "1.2.5"
