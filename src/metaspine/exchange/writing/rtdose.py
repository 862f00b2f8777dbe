"""RTDOSE: a dose that other systems place and scale as we do, and that says which dose it is.

Source: DICOM PS3.3 A.18 and C.8.8.3 (RT dose), C.7.6.2 (image plane), C.7.6.6 (multi-frame).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import RTDoseStorage
from pydicom.valuerep import DSfloat

from metaspine.errors import OutputError
from metaspine.exchange.dose_comment import undefined_said
from metaspine.exchange.writing.frames import Frames, frames_of
from metaspine.exchange.writing.objects import (
    LONG_STRING,
    Kind,
    day,
    decimal,
    new_object,
    reference_to,
    sequence,
    time_of_day,
    write_object,
)
from metaspine.exchange.writing.uids import frame_uid
from metaspine.geometry.grid import FloatArray
from metaspine.patient.dose import Dose, EffectiveDose
from metaspine.patient.study import Study
from metaspine.physics.applicators import DoseConvention
from metaspine.physics.radiobiology import BiologicalModel
from metaspine.running.dates import local_now_or_source_date

Bits = Literal[16, 32]

CODES: Mapping[DoseConvention, str] = MappingProxyType(
    {
        DoseConvention.CONSOLE: "CONSOLE/WATER",
        DoseConvention.MONTE_CARLO_MEDIUM: "MC/MEDIUM",
        DoseConvention.MONTE_CARLO_WATER: "MC/WATER-IN-MEDIUM",
    }
)
"""Convention and medium as DoseComment names them (EXCHANGE-35); it has room for 64 characters."""
_HETEROGENEITY = {"CONSOLE/WATER": "WATER", "MC/MEDIUM": "IMAGE", "MC/WATER-IN-MEDIUM": "IMAGE"}
_OFFSETS = Tag("GridFrameOffsetVector")
_MOST_COMMENTS = 10240


def write_rtdose(
    dose: Dose | EffectiveDose,
    path: Path | str,
    *,
    plan: Dataset,
    study: Study,
    bits: Bits = 32,
    when: datetime | None = None,
) -> Path:
    """Write a dose as RTDOSE and return where.

    Raises
    ------
    OutputError
        As :func:`rtdose` does, and when the file cannot be written.
    """
    made = rtdose(dose, plan=plan, study=study, bits=bits, when=when or local_now_or_source_date())
    return write_object(made, path)


def rtdose(dose: Dose | EffectiveDose, *, plan: Dataset, study: Study, when: datetime, bits: Bits = 32) -> Dataset:
    """Return a dose as RTDOSE.

    A dose is energy over mass: DoseType is PHYSICAL. One weighted for its biological effect is EFFECTIVE, and
    DoseComment names its model before the dose that it was made of (EXCHANGE-37). Where no dose is defined (NaN, inside
    the applicator) the file holds 0 Gy, as RTDOSE has no word for it; the comments say in how many voxels
    (EXCHANGE-31).

    Parameters
    ----------
    plan
        The RTPLAN that the dose belongs to.
    bits
        16 or 32 a value. A value differs from the dose by at most half of DoseGridScaling.
    when
        The date of its making.

    Raises
    ------
    OutputError
        When the dose is negative or infinite somewhere, or defined nowhere.
    GridMismatch
        When the dose's grid is skewed.
    """
    frames = frames_of(dose.volume, where="the dose")
    known = _known(frames.values)
    scaling, stored = encoded(np.where(known, frames.values, 0.0), bits)
    pixels = stored.tobytes()
    physical = dose.physical if isinstance(dose, EffectiveDose) else dose
    code, description = CODES[physical.convention], _described(dose)
    what = (str(scaling), repr(frames.grid.affine.tolist()), code, str(plan.SOPInstanceUID), description)
    content = sha256(pixels + "|".join(what).encode()).hexdigest()
    made = new_object(Kind(RTDoseStorage, "RTDOSE", description), study=study, content=content, when=when)
    made.ContentDate, made.ContentTime = day(when), time_of_day(when)
    _add_geometry(made, frames)
    _add_pixels(made, pixels, bits)
    made.DoseUnits, made.DoseSummationType = "GY", "PLAN"
    made.DoseType = "PHYSICAL" if physical is dose else "EFFECTIVE"
    made.DoseGridScaling = scaling
    made.TissueHeterogeneityCorrection = _HETEROGENEITY[code]
    made.DoseComment = _comment(dose, undefined=int(known.size - known.sum()))
    made.ImageComments = _explained(dose)[:_MOST_COMMENTS]
    made.ReferencedRTPlanSequence = sequence([reference_to(plan)])
    return made


def encoded(values: FloatArray, bits: Bits) -> tuple[DSfloat, NDArray[np.uint16 | np.uint32]]:
    """Return DoseGridScaling and the whole numbers that times it give the values.

    The scaling is rounded to what its 16 characters hold first; the numbers are made from the rounded one.
    """
    highest = float(values.max())
    scaling = decimal(highest / (2**bits - 2) if highest > 0 else 1.0)
    stored = np.rint(np.asarray(values, dtype=np.float64) / float(scaling))
    return scaling, stored.astype("<u2" if bits == 16 else "<u4")


def _known(values: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return where a dose is defined, or refuse what RTDOSE cannot say."""
    known = ~np.isnan(values)
    if not known.any():
        raise OutputError("the dose is defined nowhere on its grid", where="RTDOSE", remedy="Take a larger grid")
    if np.isinf(values).any() or (values[known] < 0).any():
        lowest, highest = float(values[known].min()), float(values[known].max())
        raise OutputError(
            f"the dose runs from {lowest:g} to {highest:g} Gy; a dose to be written is finite and not negative",
            where="RTDOSE",
            remedy="Report this together with the plan",
        )
    return np.asarray(known)


def _add_geometry(made: Dataset, frames: Frames) -> None:
    made.FrameOfReferenceUID = frame_uid(frames.grid.frame_of_reference)
    made.PositionReferenceIndicator = ""
    made.ImageOrientationPatient, made.ImagePositionPatient = frames.orientation, frames.position(0)
    made.PixelSpacing, made.SliceThickness = frames.pixel_spacing, decimal(frames.spacing_mm)
    made.NumberOfFrames, made.FrameIncrementPointer = frames.grid.shape[2], _OFFSETS
    made.GridFrameOffsetVector = frames.offsets
    made.Columns, made.Rows = frames.grid.shape[:2]


def _add_pixels(made: Dataset, pixels: bytes, bits: int) -> None:
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit = bits - 1
    made.add_new("PixelData", "OW", pixels + b"\0" * (len(pixels) % 2))


def _described(dose: Dose | EffectiveDose) -> str:
    """Return the series' description: which dose this is, before anything else."""
    if isinstance(dose, EffectiveDose):
        return f"EFFECTIVE, {_model(dose.model)}, of {CODES[dose.physical.convention]}"
    return f"{dose.convention.value}, {dose.provenance.engine} engine"


def _model(model: BiologicalModel) -> str:
    """Return the model of an effective dose in DoseComment's words."""
    rbe = f"RBE={model.rbe:g}"
    return rbe if model.alpha_beta_gy is None else f"EQD2 A/B={model.alpha_beta_gy:g} {rbe}"


def _comment(dose: Dose | EffectiveDose, *, undefined: int) -> str:
    """Return DoseComment, the gravest first: whether it may be used, which dose it is, where 0 means unknown."""
    if isinstance(dose, EffectiveDose):  # beside a model there is no room for a number; ImageComments holds it
        physical, model, said = dose.physical, _model(dose.model), "0 GY=UNDEFINED"
    else:
        physical, model, said = dose, "", undefined_said(undefined)
    parts = (
        "" if physical.provenance.calibrated else "NOMINAL",
        model,
        CODES[physical.convention],
        said if undefined else "",
    )
    return "; ".join(part for part in parts if part)[:LONG_STRING]


def _explained(dose: Dose | EffectiveDose) -> str:
    if isinstance(dose, EffectiveDose):
        undefined = int(np.isnan(dose.volume.values).sum())
        lines = (
            f"NOT PHYSICAL: {_model(dose.model)} ({', '.join(dose.model.evidence)}), one fraction; "
            f"{undefined_said(undefined)}.",
            *dose.notes,
            f"It was made of: {_explained(dose.physical)}",
        )
        return "\r\n".join(lines)
    made = dose.provenance
    output = "calibrated output" if made.calibrated else "nominal output, not for treatment"
    lines = (
        f"{dose.convention.value}; dose to {dose.medium}; engine {made.engine} {made.engine_version}; "
        f"applicator {made.applicator}; {output} ({made.output}); CT content SHA-256 {made.scan_sha256}",
        "Where the dose is not defined (inside the applicator) 0 Gy is written.",
        *dose.notes,
    )
    return "\r\n".join(lines)
