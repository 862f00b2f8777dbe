"""A device's own calibration: the user's file, checked against the applicator, the date and the dose definition."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import AwareDatetime, Field

from metaspine.errors import DeviceFileError
from metaspine.physics.applicators import Applicator, DepthDose, DistanceOrigin, Output
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.physics.device_files import DeviceFileModel, read_device_file

BARE_PROBE = ("bare probe", "bare-probe")
"""How a curve measured without an applicator is named."""
PHYSICAL_DOSE = "physical dose to water"

LARGEST_OUTPUT_CHANGE = 0.10
"""An output of the day further from 1 is refused (PHY-19)."""
LONGEST_VALIDITY_H = 24.0
"""An output of the day holds no longer than a day (PHY-30)."""
OLD_AFTER = timedelta(days=366)
"""A calibration older than a year carries a caution (PHY-31)."""
LARGEST_DIFFERENCE_TO_NOMINAL = 0.30
"""A calibration that differs more from the nominal output at 10 mm carries a caution (PHY-20)."""
COMPARED_AT_MM = 10.0
_SAME_CURRENT = 0.01

_REMEDY = "See docs/dose.md for the format of a calibration file"


class CalibrationPoint(DeviceFileModel):
    """One line of the table."""

    distance_mm: float = Field(gt=0)
    dose_rate_gy_per_min: float = Field(gt=0)


class OutputOfTheDay(DeviceFileModel):
    """The day's measured output relative to the calibration, and for how long it holds."""

    factor: float = Field(gt=0)
    date_time: AwareDatetime
    validity_h: float = Field(gt=0)


class CalibrationFile(DeviceFileModel):
    """A calibration file as written."""

    metaspine_calibration: Literal[1]
    serial_number: str = Field(pattern=r"\S")
    date: date
    tube_voltage_kv: float = Field(gt=0)
    tube_current_ua: float = Field(gt=0)
    dose_definition: Literal["physical dose to water", "TARGIT", "V4.0"]
    origin_of_distance: DistanceOrigin
    applicator: str = Field(min_length=1)
    table: tuple[CalibrationPoint, ...] = Field(min_length=2)
    relative_uncertainty: float = Field(gt=0, lt=0.5)
    output_of_the_day: OutputOfTheDay


def read_calibration(
    path: str | Path, applicator: Applicator, *, today: datetime, serial_number: str | None = None
) -> Output:
    """Return the output of a calibrated device from the user's own file.

    ``today`` is the moment of use, with its time zone; ``serial_number``, where given, is that of the source at hand.
    The output of the day is multiplied into the table, and distances are turned to distances from the isocentre.

    Raises
    ------
    DeviceFileError
        When the file is incomplete or malformed, of another dose definition than physical dose to water, of another
        applicator (a bare probe's curve in particular), serial number or tube voltage, when its table does not fall
        with the distance or begins inside the applicator, or its output of the day is expired, in the future, valid for
        more than a day, or too far from 1.
    """
    place = str(path)
    document = read_device_file(Path(path), CalibrationFile, remedy=_REMEDY)
    _refuse_other_definition(document, place)
    _refuse_other_device(document, applicator, serial_number, place)
    _refuse_rising_table(document, place)
    _refuse_out_of_date(document, today, place)
    output = _output(document, applicator, place)
    _refuse_inside(output, applicator, place)
    own = (*_cautions_of_device(document, applicator, today), *_cautions(output, applicator))
    return replace(output, cautions=own)


def _refuse_other_definition(document: CalibrationFile, place: str) -> None:
    if document.dose_definition != PHYSICAL_DOSE:
        raise DeviceFileError(
            f"the dose definition is {document.dose_definition!r}, which differs from physical dose to water by "
            "14 to 80 %, depending on the depth (PHY-18)",
            where=place,
            remedy=f"Plan with a calibration whose dose_definition is {PHYSICAL_DOSE!r}",
        )


def _refuse_other_device(
    document: CalibrationFile, applicator: Applicator, serial_number: str | None, place: str
) -> None:
    if document.applicator in BARE_PROBE and applicator.name not in BARE_PROBE:
        raise DeviceFileError(
            f"the curve is that of the bare probe, but {applicator.name} is planned: it transmits only about half of "
            "the bare probe's dose rate (PHY-15), and the patient would get about half the dose",
            where=place,
            remedy="Give the curve measured with the applicator in place",
        )
    in_use = (
        ("applicator", applicator.name if document.applicator in BARE_PROBE else document.applicator, applicator.name),
        ("tube voltage in kV", document.tube_voltage_kv, applicator.tube_voltage_kv),
        ("serial number", document.serial_number, document.serial_number if serial_number is None else serial_number),
    )
    for what, found, wanted in in_use:
        if found != wanted:
            raise DeviceFileError(
                f"the {what} is {found!r}, but {wanted!r} is in use",
                where=place,
                remedy="Give the calibration of the device that is in use",
            )


def _refuse_rising_table(document: CalibrationFile, place: str) -> None:
    for before, after in zip(document.table, document.table[1:], strict=False):
        if after.distance_mm <= before.distance_mm:
            raise DeviceFileError(
                f"the table's distances do not increase: {after.distance_mm} mm follows {before.distance_mm} mm",
                where=place,
                remedy="Order the table by distance, each distance once",
            )
        if after.dose_rate_gy_per_min >= before.dose_rate_gy_per_min:
            raise DeviceFileError(
                f"the dose rate does not fall from {before.distance_mm} mm to {after.distance_mm} mm "
                f"({before.dose_rate_gy_per_min} to {after.dose_rate_gy_per_min} Gy/min)",
                where=place,
                remedy="Check the table: in water the dose rate falls with the distance",
            )


def _refuse_out_of_date(document: CalibrationFile, today: datetime, place: str) -> None:
    day = document.output_of_the_day
    end = day.date_time + timedelta(hours=day.validity_h)
    now = today.isoformat(timespec="minutes")
    if document.date > today.date() or day.date_time > today:
        raise DeviceFileError(
            f"the calibration ({document.date}) or its output of the day ({day.date_time}) is later than now ({now})",
            where=place,
            remedy="Check the dates, and the clock of this computer",
        )
    if end < today:
        raise DeviceFileError(
            f"the output of the day expired at {end.isoformat(timespec='minutes')} (now {now})",
            where=place,
            remedy="Measure the output again and enter its factor, date_time and validity_h",
        )
    if day.validity_h > LONGEST_VALIDITY_H:
        raise DeviceFileError(
            f"the output of the day is said to hold for {day.validity_h:g} h, longer than {LONGEST_VALIDITY_H:g} h "
            "(PHY-30)",
            where=place,
            remedy="Measure the output on the day of treatment, and enter for how many hours it holds",
        )
    if abs(day.factor - 1) > LARGEST_OUTPUT_CHANGE:
        raise DeviceFileError(
            f"the output of the day is {day.factor}, further than {LARGEST_OUTPUT_CHANGE:.0%} from 1 (PHY-19)",
            where=place,
            remedy="Have the source checked and calibrated again",
        )


def _output(document: CalibrationFile, applicator: Applicator, place: str) -> Output:
    day = document.output_of_the_day
    distance = np.array(
        [applicator.from_isocentre_mm(point.distance_mm, document.origin_of_distance) for point in document.table]
    )
    rate = np.array([point.dose_rate_gy_per_min for point in document.table])
    return Output(
        depth_dose=DepthDose(
            distance_from_isocentre_mm=distance,
            dose_rate_gy_per_min=rate * day.factor,
            relative_uncertainty=document.relative_uncertainty,
            valid_mm=(float(distance[0]), float(distance[-1])),
            evidence=("PHY-14", "PHY-19", "PHY-20"),
            direction_relative_uncertainty=applicator.nominal.depth_dose.direction_relative_uncertainty,
        ),
        calibrated=True,
        description=(
            f"serial number {document.serial_number}, calibrated {document.date}, {document.tube_voltage_kv:g} kV, "
            f"{document.tube_current_ua:g} µA, output of {day.date_time.isoformat(timespec='minutes')}: {day.factor:g}"
        ),
        dose_definition=document.dose_definition,
        source_path=place,
    )


def _refuse_inside(output: Output, applicator: Applicator, place: str) -> None:
    nearest = float(output.depth_dose.distance_from_isocentre_mm[0])
    if nearest < applicator.radius_mm:
        raise DeviceFileError(
            f"the table begins {nearest:g} mm from the isocentre, inside the applicator ({applicator.radius_mm:g} mm)",
            where=place,
            remedy="Check origin_of_distance: it names the point that the table's distances are measured from",
        )


def _cautions_of_device(document: CalibrationFile, applicator: Applicator, today: datetime) -> tuple[str, ...]:
    found, nominal = [], applicator.tube_current_ua
    if today.date() - document.date > OLD_AFTER:
        found.append(
            f"the calibration of {document.date} is older than a year (PHY-31): the yearly check of the source is due"
        )
    if nominal is not None and abs(document.tube_current_ua / nominal - 1) > _SAME_CURRENT:
        found.append(
            f"the calibration was measured at {document.tube_current_ua:g} µA, the source runs at {nominal:g} µA "
            "(PHY-32): check the tube current"
        )
    return tuple(found)


def _cautions(output: Output, applicator: Applicator) -> tuple[str, ...]:
    own = float(dose_rate_gy_per_min(output.depth_dose, COMPARED_AT_MM))
    nominal = float(dose_rate_gy_per_min(applicator.nominal.depth_dose, COMPARED_AT_MM))
    difference = own / nominal - 1
    if abs(difference) <= LARGEST_DIFFERENCE_TO_NOMINAL:
        return ()
    return (
        f"the calibration gives {own:.3g} Gy/min at {COMPARED_AT_MM:g} mm from the isocentre, {difference:+.0%} "
        f"against the nominal {nominal:.3g} Gy/min (PHY-20): check that it is of this applicator and in physical dose "
        "to water",
    )
