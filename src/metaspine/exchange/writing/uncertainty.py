"""The uncertainty of a dose as an object of its own: a parametric map of its standard deviation, by highdicom.

RTDOSE has a dose type ERROR, but by the standard it is the difference between a desired and a planned dose (PS3.3
C.8.8.3); a standard deviation must not stand there (EXCHANGE-36). Source: DICOM PS3.3 A.75 and C.8.32 (parametric map).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, ParametricMapStorage, RTDoseStorage

from metaspine.errors import GridMismatch
from metaspine.exchange.writing.by_highdicom import equipment, finished, highdicom
from metaspine.exchange.writing.frames import Frames, frames_of
from metaspine.exchange.writing.objects import Kind, write_object
from metaspine.exchange.writing.uids import uid_of
from metaspine.geometry import Volume
from metaspine.patient.dose import Dose
from metaspine.patient.study import Study
from metaspine.running.dates import local_now_or_source_date

UNDEFINED = -1.0
"""Stands where no dose is defined (FloatPixelPaddingValue); a standard deviation is never negative."""
_STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")
_GRAY = Code("Gy", "UCUM", "Gy")
_FRAMES = ("NumberOfFrames", "FrameIncrementPointer", "GridFrameOffsetVector", "PixelData")
_HIGHEST = 3.0e38


def write_uncertainty(
    dose: Dose,
    path: Path | str,
    *,
    rtdose: Dataset,
    study: Study,
    statistical: Volume | None = None,
    when: datetime | None = None,
) -> Path:
    """Write the uncertainty of a dose as a parametric map and return where.

    Raises
    ------
    OutputError, GridMismatch
        As :func:`uncertainty_map` does, and when the file cannot be written.
    """
    day_of_making = when or local_now_or_source_date()
    made = uncertainty_map(dose, rtdose=rtdose, study=study, statistical=statistical, when=day_of_making)
    return write_object(made, path)


def uncertainty_map(
    dose: Dose, *, rtdose: Dataset, study: Study, when: datetime, statistical: Volume | None = None
) -> Dataset:
    """Return one standard deviation of a dose in Gy, on the dose's own grid, -1 where no dose is defined.

    Its series' description and ImageComments say of which dose, and of what uncertainty.

    Parameters
    ----------
    rtdose
        The dose as it was written, which the map refers to.
    when
        The date of its making.
    statistical
        One standard deviation of the dose by the number of histories alone, as a fraction, to be written in place of
        the whole uncertainty, and said to be it; None: the whole one.

    Raises
    ------
    GridMismatch
        When the RTDOSE, or the statistical uncertainty, is not on the dose's grid.
    OutputError
        When highdicom is not installed.
    """
    library = highdicom()
    relative = dose.relative_uncertainty if statistical is None else statistical
    frames = frames_of(_standard_deviation(dose, relative), where="the dose's uncertainty")
    if (rtdose.Rows, rtdose.Columns, rtdose.NumberOfFrames) != frames.values.shape[1:] + frames.values.shape[:1]:
        raise GridMismatch("the RTDOSE is not on the grid of the dose", remedy="Give the RTDOSE of this very dose")
    values = np.ascontiguousarray(frames.values)
    kind, words = _said(dose, whole=statistical is None)
    content = sha256(values.tobytes() + kind.description.encode() + str(rtdose.SOPInstanceUID).encode()).hexdigest()
    made = library.pm.ParametricMap(
        source_images=[_source(rtdose)],
        pixel_array=values[..., None],
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[[_mapping(library)]],
        voi_lut_transformations=[_window(library, values)],
        content_label="STD_DEVIATION",
        content_description="One standard deviation of the absorbed dose",
        content_qualification="RESEARCH",
        **_planes(library, frames),
        **equipment(uid_of(ParametricMapStorage, study.study_uid, content)),
    )
    made.FloatPixelPaddingValue = made.FloatPixelPaddingRangeLimit = UNDEFINED
    made.Laterality = ""
    made.ImageComments = words
    _name_the_dose(made, rtdose)
    return finished(made, kind, study=study, content=content, when=when)


def _said(dose: Dose, *, whole: bool) -> tuple[Kind, str]:
    """Return what the map is, and the same in words."""
    by_what = (
        "of output, direction and, where there are any, histories"
        if whole
        else "by the number of histories alone; that of output and direction is not in it"
    )
    nominal = "" if dose.provenance.calibrated else "NOMINAL; "
    words = f"{nominal}{dose.convention.value}: one standard deviation in Gy {by_what}; -1 where no dose is defined"
    kind = "1 SD" if whole else "Statistical 1 SD"
    return Kind(ParametricMapStorage, "OT", f"{kind} in Gy of {dose.convention.value}"), words


def _standard_deviation(dose: Dose, relative: Volume) -> Volume:
    """Return one standard deviation in Gy, UNDEFINED where the dose is."""
    if relative.grid is not dose.volume.grid and not relative.grid.aligned_with(dose.volume.grid):
        raise GridMismatch("the uncertainty is not on the grid of the dose", remedy="Give that of this very dose")
    gray: NDArray[np.float64] = dose.volume.values.astype(np.float64) * relative.values
    return Volume(np.where(np.isfinite(gray), gray, UNDEFINED).astype(np.float32), dose.volume.grid)


def _source(rtdose: Dataset) -> Dataset:
    """Return the RTDOSE as highdicom takes sources: one plane, and a CT, or it looks for an enhanced image's parts."""
    made = Dataset()
    made.file_meta = rtdose.file_meta
    for element in rtdose:
        if element.keyword not in _FRAMES:
            made.add_new(element.tag, element.VR, element.value)  # a copy: the dose itself stays as it is
    made.SOPClassUID = CTImageStorage
    return made


def _name_the_dose(made: Dataset, rtdose: Dataset) -> None:
    """Let the references to the source say that it is an RTDOSE."""
    for element in made.iterall():
        if element.VR == "SQ":
            for item in element.value:
                if item.get("ReferencedSOPInstanceUID") == rtdose.SOPInstanceUID:
                    item.ReferencedSOPClassUID = RTDoseStorage


def _window(library: Any, values: NDArray[np.float32]) -> Any:
    """Return how a viewer may begin to show the map: from nothing to a standard deviation that few voxels pass.

    It is usually under 1 Gy, and only the exact function may have so narrow a window (PS3.3 C.11.2.1.3).
    """
    usual = max(float(np.quantile(values[values >= 0], 0.95)), 1e-6)
    return library.VOILUTTransformation(
        window_center=float(f"{usual / 2:.6g}"), window_width=float(f"{usual:.6g}"), voi_lut_function="LINEAR_EXACT"
    )


def _mapping(library: Any) -> Any:
    return library.pm.RealWorldValueMapping(
        lut_label="STD_DEV",
        lut_explanation="One standard deviation of the absorbed dose",
        unit=_GRAY,
        value_range=(0.0, _HIGHEST),
        slope=1.0,
        intercept=0.0,
        quantity_definition=_STANDARD_DEVIATION,
    )


def _planes(library: Any, frames: Frames) -> dict[str, Any]:
    orientation = [float(value) for value in frames.orientation]
    spacing = [float(value) for value in frames.pixel_spacing]
    positions = [[float(value) for value in frames.position(k)] for k in range(frames.grid.shape[2])]
    return {
        "pixel_measures": library.PixelMeasuresSequence(spacing, frames.spacing_mm, frames.spacing_mm),
        "plane_orientation": library.PlaneOrientationSequence("PATIENT", orientation),
        "plane_positions": [library.PlanePositionSequence("PATIENT", position) for position in positions],
    }
