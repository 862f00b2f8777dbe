"""Reading a CT of 300 slices of 512 x 512 with 15 structures, against pydicom, plastimatch, rt-utils, dicompyler-core.

The peers' work is less: pydicom's loop checks nothing and reads no structures, plastimatch's programs read and write a
file, rt-utils makes no volume of the slices, dicompyler-core reads each slice alone. A peer that cannot be installed is
"not at hand". Memory is the rise of a fresh process over its start, in volumes of the image.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import gdcm
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage

import metaspine as ms
from benchmarks.measurement import Measurement, timed
from benchmarks.peers_of_reading import REQUIREMENTS, peers_measured, peers_python
from metaspine.exchange.dicom_ct import find_stack
from metaspine.exchange.dicom_pixels import PixelReader
from metaspine.exchange.dicom_series import CT
from metaspine.geometry.contours import ContourSet
from metaspine.geometry.rasterise import coverage
from metaspine.running import silent

SLICES, SIDE, STRUCTURES = 300, 512, 15
HEADER_ELEMENTS = 60
ROOT = "2.25.7"
REPEATS = 3
COMPRESSED = 20
COMPRESSIONS = {
    "JPEG lossless": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "JPEG-LS": gdcm.TransferSyntax.JPEGLSLossless,
    "JPEG 2000": gdcm.TransferSyntax.JPEG2000Lossless,
    "RLE": gdcm.TransferSyntax.RLELossless,
}
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
            + _decoding(slices, folder)
            + _against_pydicom_2(folder, slices, structures, with_structures)
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


def _decoding(slices: Path, folder: Path) -> list[Measurement]:
    """Measure one slice of each compression, read with all checks, against pydicom with the same decoder."""
    rows = []
    for name, syntax in COMPRESSIONS.items():
        coded = folder / name
        coded.mkdir()
        for path in sorted(slices.iterdir())[:COMPRESSED]:
            _compress(path, coded / path.name, syntax)
        found = find_stack(coded, wanted=CT, series=None, progress=silent)
        cpu, wall = timed(lambda found=found: [PixelReader().read(item) for item in found.stack.slices], repeats=1)
        peer, _ = timed(lambda coded=coded: [pydicom.dcmread(path).pixel_array for path in coded.iterdir()], repeats=1)
        rows.append(Measurement(f"one slice, {name}", cpu / COMPRESSED, wall / COMPRESSED, "pydicom", peer / cpu))
    return rows


def _compress(source: Path, target: Path, syntax: int) -> None:
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(source))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


def _against_pydicom_2(
    folder: Path, slices: Path, structures: Path, with_structures: tuple[float, float]
) -> list[Measurement]:
    """Compare CPU times with the peers that need pydicom 2, each in a process of its own environment."""
    what = f"CT and {STRUCTURES} structures"
    python = peers_python(folder / "peers")
    if python is None:
        return [Measurement(what, *with_structures, f"not at hand: {', '.join(REQUIREMENTS[:2])}")]

    def with_masks() -> None:
        scan = ms.read_scan(slices, structures=structures)
        for structure in scan.structures:
            assert isinstance(structure.region, ContourSet)
            assert coverage(structure.region, scan.image.grid).values.any()

    masks = timed(with_masks, repeats=1)
    rows = []
    for name, (cpu_ms, _) in peers_measured(python, slices, structures).items():
        ours, of_what = (masks, f"{what}, each as a mask") if "masks" in name else (with_structures, what)
        rows.append(Measurement(of_what, *ours, name, cpu_ms / ours[0]))
    return rows


def _against_plastimatch(
    folder: Path, slices: Path, structures: Path, with_structures: tuple[float, float], alone: tuple[float, float]
) -> list[Measurement]:
    """Compare wall times, because plastimatch is a program of its own."""
    program = shutil.which("plastimatch") or shutil.which(str(Path(sys.executable).with_name("plastimatch")))
    if program is None:
        return [Measurement("CT and structures, wall time", *with_structures, "not at hand: plastimatch")]
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
    frame = Dataset()
    frame.FrameOfReferenceUID = f"{ROOT}.1"
    dataset.ReferencedFrameOfReferenceSequence, dataset.RTROIObservationsSequence = Sequence([frame]), Sequence()
    for number in range(1, STRUCTURES + 1):
        region, drawn = Dataset(), Dataset()
        region.ROINumber, region.ROIName, region.ReferencedFrameOfReferenceUID = number, f"S{number}", f"{ROOT}.1"
        observation = Dataset()
        drawn.ReferencedROINumber = observation.ReferencedROINumber = observation.ObservationNumber = number
        observation.RTROIInterpretedType = "ORGAN"
        points, radius_mm = (400, 150.0) if number == 1 else (120, 8.0 + number)
        heights = range(SLICES) if number <= 3 else range(SLICES // 3, 2 * SLICES // 3)
        drawn.ContourSequence = Sequence([_circle(points, radius_mm, 5.0 * number, float(z)) for z in heights])
        dataset.StructureSetROISequence.append(region)
        dataset.ROIContourSequence.append(drawn)
        dataset.RTROIObservationsSequence.append(observation)
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
