"""RTDOSE: a dose that another system computed, on its own grid.

Source: DICOM PS3.3 C.8.8.3 (RT Dose). Nothing is summed: a beam's or a fraction's dose says what it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID, RTDoseStorage

from metaspine.errors import GeometryError, ImageError
from metaspine.exchange.dicom_files import Elements, damage_reported
from metaspine.exchange.dose_comment import undefined_voxels
from metaspine.exchange.dose_planes import DosePlanes, dose_planes
from metaspine.exchange.multiframe import (
    class_of,
    frame_count,
    pixel_spacing_mm,
    plane_axes,
    stored_frames,
    whole_object,
)
from metaspine.geometry import Grid, Volume
from metaspine.patient.prior_dose import DoseType, PriorDose

NOTABLE_GY = 150.0
IMPLAUSIBLE_GY = 300.0
IMPLAUSIBLE_FRACTION = 0.01
"""A dose whose highest value or whose hot part is larger is looked at twice, or refused (EXCHANGE-21)."""
_EXPORT_AGAIN = "Export the dose again from the planning system"


def is_rtdose(path: Path) -> bool:
    """Say whether a DICOM file is an RTDOSE.

    Raises
    ------
    ImageError
        When the file is malformed.
    """
    return class_of(path, kind=ImageError) == RTDoseStorage


def read_dose(path: Path | str) -> PriorDose:
    """Read an RTDOSE: dose in Gy at voxel centres (float32), in LPS mm and in the file's own frame of reference.

    Any orientation, any form of GridFrameOffsetVector, 16 and 32 bit, signed and unsigned. What the dose is to, and
    whether it is that of a whole plan, is kept as the file states it; it is never added to another. Where a dose of
    ours says that none is defined, inside the applicator, the value is NaN.

    Raises
    ------
    ImageError
        When the file is missing or malformed, is no RTDOSE, is not in Gy, holds negative doses that are no
        differences, or values that cannot be Gy (EXCHANGE-21).
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError("there is no such file", where=str(path), remedy="Give an RTDOSE file")
    with damage_reported(path):
        return _prior_dose(whole_object(path, kind=ImageError))


def _prior_dose(elements: Elements) -> PriorDose:
    _refuse_other_objects(elements)
    dose_type = _dose_type(elements)
    frame_of_reference = elements.required_text("FrameOfReferenceUID")
    affine, planes = _geometry(elements)
    values = _dose_gy(elements, planes)
    value_notes = _value_notes(values, dose_type, elements.where)
    values, undefined_notes = _without_undefined(values, _comments(elements))
    try:
        volume = Volume(values, Grid(affine, values.shape, frame_of_reference))
    except GeometryError as error:
        raise ImageError(error.what, where=elements.where, remedy=error.remedy) from error
    plan_uid, plan_notes = _plan(elements)
    return PriorDose(
        volume=volume,
        dose_type=dose_type,
        summation=elements.text("DoseSummationType").upper(),
        plan_uid=plan_uid,
        comment=elements.text("DoseComment"),
        notes=(
            *planes.notes,
            *value_notes,
            *undefined_notes,
            *_summation_notes(elements),
            *plan_notes,
            *_heterogeneity_notes(elements),
        ),
    )


def _refuse_other_objects(elements: Elements) -> None:
    stated = elements.required_text("SOPClassUID")
    if stated != RTDoseStorage:
        raise ImageError(f"is {UID(stated).name}, not an RTDOSE", where=elements.where, remedy="Give an RTDOSE file")
    units = elements.required_text("DoseUnits").upper()
    if units != "GY":
        raise ImageError(
            f"its values are {units}, not Gy",
            where=elements.where,
            remedy="Export the absolute dose; a relative one cannot be turned into Gy here",
        )


def _dose_type(elements: Elements) -> DoseType:
    stated = elements.required_text("DoseType").upper()
    for known in get_args(DoseType):
        if stated == known:
            return known  # type: ignore[no-any-return]
    raise ImageError(
        f"its DoseType is {stated!r}; {', '.join(get_args(DoseType))} are read",
        where=elements.where,
        remedy=_EXPORT_AGAIN,
    )


def _geometry(elements: Elements) -> tuple[NDArray[np.float64], DosePlanes]:
    """Return the affine, (column, row, plane) to LPS mm, and the planes."""
    axes, position = plane_axes(elements), elements.numbers("ImagePositionPatient", 3)
    planes = dose_planes(elements, frames=frame_count(elements), axes=axes, position_mm=position)
    affine = np.eye(4)
    affine[:3, :3] = axes.T * np.array([*pixel_spacing_mm(elements), planes.step_mm])
    affine[:3, 3] = position
    return affine, planes


def _dose_gy(elements: Elements, planes: DosePlanes) -> NDArray[np.float32]:
    """Return Gy [column, row, plane]."""
    samples, bits = elements.number("SamplesPerPixel"), elements.number("BitsAllocated")
    if samples != 1 or bits not in (16, 32) or elements.number("BitsStored") != bits:
        raise ImageError(
            f"holds {samples:g} samples of {bits:g} bits, {elements.number('BitsStored'):g} of them used; a dose has "
            "one of 16 or 32",
            where=elements.where,
            remedy=_EXPORT_AGAIN,
        )
    scaling = elements.number("DoseGridScaling")
    if not scaling > 0:
        raise ImageError(
            f"DoseGridScaling is {scaling:g}: its values have no size", where=elements.where, remedy=_EXPORT_AGAIN
        )
    stored = stored_frames(elements)
    return np.ascontiguousarray((_at_planes(stored, planes) * scaling).astype(np.float32).transpose(2, 1, 0))


def _at_planes(stored: NDArray[Any], planes: DosePlanes) -> NDArray[Any]:
    """Return the stored values at the planes, linear between two of the file's."""
    if planes.as_stored:
        return stored
    below = np.minimum(np.floor(planes.at).astype(int), len(stored) - 2)
    along = (planes.at - below)[:, None, None]
    return np.asarray(stored[below] * (1 - along) + stored[below + 1] * along)


def _value_notes(values: NDArray[np.float32], dose_type: DoseType, where: str) -> tuple[str, ...]:
    """Return what is odd about the values; refuse what cannot be."""
    lowest, highest = float(values.min()), float(values.max())
    if dose_type == "ERROR":
        return ("it is a difference of doses (ERROR), not a dose that anybody got",)
    if lowest < 0:
        raise ImageError(
            f"holds negative doses down to {lowest:.3g} Gy, and is no difference of doses",
            where=where,
            remedy=_EXPORT_AGAIN,
        )
    if np.count_nonzero(values > IMPLAUSIBLE_GY) > IMPLAUSIBLE_FRACTION * values.size:
        raise ImageError(
            f"its values reach {highest:.4g} and more than {IMPLAUSIBLE_FRACTION:.0%} of them exceed "
            f"{IMPLAUSIBLE_GY:g}: they are not Gy, or DoseGridScaling is wrong (EXCHANGE-21)",
            where=where,
            remedy="Export the dose in Gy",
        )
    notes = []
    if highest > NOTABLE_GY:
        notes.append(f"its highest dose is {highest:.4g} Gy: make sure that it is in Gy (EXCHANGE-21)")
    if highest == 0:
        notes.append("its dose is 0 everywhere")
    return tuple(notes)


def _comments(elements: Elements) -> str:
    """Return what is said of the dose; an effective dose says in ImageComments what DoseComment has no room for."""
    return f"{elements.text('DoseComment')} {elements.text('ImageComments')}"


def _without_undefined(values: NDArray[np.float32], comment: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return the values with NaN where the comment says that 0 Gy stands for no dose (EXCHANGE-31), and a note."""
    said, zeros = undefined_voxels(comment), values == 0
    found = int(np.count_nonzero(zeros))
    if not said:
        return values, ()
    if found != said:
        note = (
            f"0 Gy stands for no dose in {said} of its voxels, and {found} hold 0 Gy: which of them they are is not "
            "known; leave what lies inside the applicator out (EXCHANGE-31)"
        )
        return values, (note,)
    note = f"no dose is defined in {said} of its voxels, inside the applicator; they are left out (EXCHANGE-31)"
    return np.where(zeros, np.float32(np.nan), values), (note,)


def _summation_notes(elements: Elements) -> tuple[str, ...]:
    summation = elements.text("DoseSummationType").upper()
    if not summation:
        return ("it does not say of what it is the dose (DoseSummationType is missing): a plan's, a beam's or another",)
    if summation not in ("PLAN", "MULTI_PLAN"):
        return (f"it is the dose of one {summation}, not of a whole plan; it was not added to any other",)
    return ()


def _plan(elements: Elements) -> tuple[str, tuple[str, ...]]:
    """Return the UID of the plan that the dose belongs to, where it is one, and a note where there are several."""
    items = elements.dataset.get("ReferencedRTPlanSequence") or ()
    uids = list(dict.fromkeys(str(item.get("ReferencedSOPInstanceUID", "")) for item in items))
    if len(uids) > 1:
        return "", (f"it sums the doses of {len(uids)} plans",)
    return (uids[0] if uids else ""), ()


def _heterogeneity_notes(elements: Elements) -> tuple[str, ...]:
    stated = elements.text("TissueHeterogeneityCorrection").replace("\\", ", ")
    return (f"correction for the tissues' densities, as stated: {stated}",) if stated else ()
