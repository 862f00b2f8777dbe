"""Reading a CT of 300 slices of 512 x 512 with 15 structures, against a loop in pydicom and against plastimatch.

The peers' work is less: pydicom's loop checks nothing and reads no structures, plastimatch's programs read and write a
file. Memory is the rise of a fresh process over its start, in volumes of the image.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage

import metaspine as ms
from benchmarks.measurement import Measurement, timed

SLICES, SIDE, STRUCTURES = 300, 512, 15
HEADER_ELEMENTS = 60
ROOT = "2.25.7"
REPEATS = 3
MEMORY = """
import re, sys
import metaspine as ms, metaspine.exchange.scans
peak = lambda: 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
start = peak()
scan = ms.read_scan(sys.argv[1], structures=sys.argv[2])
print((peak() - start) / scan.image.values.nbytes)
"""
"""For a process of its own; Linux alone says what the most memory was since a program's start."""


def measure() -> list[Measurement]:
    """Read the scan and what its peers read of it, in one run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        slices, structures = _write_slices(folder / "ct"), _write_structures(folder / "rs.dcm")

        def scan() -> None:
            assert len(ms.read_scan(slices, structures=structures).structures) == STRUCTURES

        with_structures = timed(scan, repeats=REPEATS)
        alone = timed(lambda: ms.read_scan(slices), repeats=REPEATS)
        loop = timed(lambda: _pydicom_loop(slices), repeats=REPEATS)
        rows = [
            _row(f"CT and {STRUCTURES} structures ready", with_structures, "pydicom loop, CT alone", loop, 3000.0),
            _row("CT alone", alone, "pydicom loop", loop, None),
        ]
        return (
            rows
            + _memory(slices, structures)
            + _against_plastimatch(folder, slices, structures, with_structures, alone)
        )


def _row(
    what: str, ours: tuple[float, float], against: str, peer: tuple[float, float], goal_wall_ms: float | None
) -> Measurement:
    return Measurement(what, *ours, against, peer[0] / ours[0], goal_wall_ms)


def _memory(slices: Path, structures: Path) -> list[Measurement]:
    if not Path("/proc/self/status").is_file():
        return []
    command = [sys.executable, "-c", MEMORY, str(slices), str(structures)]
    volumes = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return [Measurement("peak memory in volumes of the image: the ratio (goal 2.5)", 0.0, 0.0, "one volume", volumes)]


def _against_plastimatch(
    folder: Path, slices: Path, structures: Path, with_structures: tuple[float, float], alone: tuple[float, float]
) -> list[Measurement]:
    """Compare wall times, because plastimatch is a program of its own."""
    program = shutil.which("plastimatch") or shutil.which(str(Path(sys.executable).with_name("plastimatch")))
    if program is None:
        return []
    image, labels = folder / "ct.mha", folder / "labels.mha"
    ct_ms = _program_ms([program, "convert", "--input", str(slices), "--output-img", str(image)])
    labels_ms = _program_ms(
        [program, "convert", "--input", str(structures), "--fixed", str(image), "--output-labelmap", str(labels)]
    )
    return [
        Measurement("CT alone, wall time", *alone, "plastimatch to a file", ct_ms / alone[1]),
        Measurement(
            "CT and structures, wall time",
            *with_structures,
            "plastimatch to files",
            (ct_ms + labels_ms) / with_structures[1],
        ),
    ]


def _program_ms(command: list[str]) -> float:
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return 1000 * median(taken)


def _pydicom_loop(folder: Path) -> np.ndarray:
    """Read a series as most scripts do."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda one: one.ImagePositionPatient[2])
    return np.stack([one.pixel_array * one.RescaleSlope + one.RescaleIntercept for one in slices])


def _write_slices(folder: Path) -> Path:
    """Write a body of water with noise, and a header of the usual length."""
    folder.mkdir()
    random = np.random.default_rng(1)
    row, column = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    body = (column / 220) ** 2 + (row / 150) ** 2 < 1
    for k in range(SLICES):
        dataset = _object(CTImageStorage, k)
        dataset.Rows = dataset.Columns = SIDE
        dataset.PixelSpacing, dataset.SliceThickness = [0.8, 0.8], "1"
        dataset.ImageOrientationPatient, dataset.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-204.8, -204.8, float(k)]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = 1, -1024, "HU"
        for number in range(HEADER_ELEMENTS):
            dataset.add_new(0x00290010 if number == 0 else 0x00291000 + number, "LO", f"private {number}")
        values = np.where(body, 40 + random.normal(0, 25, body.shape), -1000)
        dataset.PixelData = np.rint(values + 1024).astype("<u2").tobytes()
        dataset.save_as(folder / f"{k:03d}.dcm", enforce_file_format=True)
    return folder


def _write_structures(path: Path) -> Path:
    """Write a body of 300 contours of 400 points, two long structures and twelve short ones of 120 points."""
    dataset = _object(RTStructureSetStorage, 1000)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = Sequence(), Sequence()
    for number in range(1, STRUCTURES + 1):
        region, drawn = Dataset(), Dataset()
        region.ROINumber, region.ROIName, region.ReferencedFrameOfReferenceUID = number, f"S{number}", f"{ROOT}.1"
        drawn.ReferencedROINumber = number
        points, radius_mm = (400, 150.0) if number == 1 else (120, 8.0 + number)
        heights = range(SLICES) if number <= 3 else range(SLICES // 3, 2 * SLICES // 3)
        drawn.ContourSequence = Sequence([_circle(points, radius_mm, 5.0 * number, float(z)) for z in heights])
        dataset.StructureSetROISequence.append(region)
        dataset.ROIContourSequence.append(drawn)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _circle(points: int, radius_mm: float, y_mm: float, z_mm: float) -> Dataset:
    angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
    circle = np.stack([radius_mm * np.cos(angle), radius_mm * np.sin(angle) + y_mm, np.full(points, z_mm)], axis=1)
    item, image = Dataset(), Dataset()
    image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CTImageStorage, f"{ROOT}.4.{int(z_mm)}"
    item.ContourImageSequence = Sequence([image])
    item.ContourGeometricType, item.NumberOfContourPoints = "CLOSED_PLANAR", points
    item.ContourData = [f"{value:.3f}" for value in circle.ravel()]
    return item


def _object(sop_class: str, number: int) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, f"{ROOT}.4.{number}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.2", f"{ROOT}.3.{min(number, 1000) // 1000}"
    dataset.FrameOfReferenceUID = f"{ROOT}.1"
    dataset.Modality = "CT" if sop_class == CTImageStorage else "RTSTRUCT"
    dataset.PatientName, dataset.PatientID, dataset.PatientPosition = "Phantom", "1", "HFS"
    return dataset
