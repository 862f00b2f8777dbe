"""What a plan and its treatment record say in the same words: the source, the machine, the applicator, the channel.

No DICOM object describes an electronic source. The nearest are those of brachytherapy; where their words ask for an
isotope, what is written is a convention of our own (DICOM-01 to DICOM-04).

Source: DICOM PS3.3 C.8.8.15 (RT brachy application setups), C.8.8.22 (RT brachy session record).
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from pydicom.dataset import Dataset

from metaspine.exchange.writing.objects import LONG_STRING, SHORT_STRING, day, decimal, time_of_day
from metaspine.exchange.writing.texts import plain
from metaspine.patient.plan import Plan
from metaspine.physics.depth_dose import dose_rate_gy_per_min

STRENGTH_AT_MM = 10.0
"""The source strength is the dose rate to water at this distance from the isocentre (DICOM-02)."""
HALF_LIFE_DAYS = 1e9
"""DICOM demands a half-life; a tube does not decay (DICOM-01)."""
TECHNIQUE, TREATMENT_TYPE = "INTERSTITIAL", "HDR"
SETUP_TYPE = "OTHER"
"""None of DICOM's defined terms names a needle in a vertebra (DICOM-04)."""
SOURCE_MOVEMENT = "FIXED"


def content_of(dataset: Dataset) -> str:
    """Return the hash of what an object says, for its UIDs."""
    return sha256(dataset.to_json().encode()).hexdigest()


def isotope_name(plan: Plan) -> str:
    """Return what stands where DICOM asks for an isotope: the tube's voltage."""
    return f"XRAY-{plan.applicator.tube_voltage_kv:g}KV"


def machine(plan: Plan, *, recorded: bool) -> Dataset:
    """Return the treatment machine, as far as the plan knows it; a record must also leave room for the unknown."""
    item = Dataset()
    item.TreatmentMachineName = f"{plan.applicator.tube_voltage_kv:g} kV X-ray"[:SHORT_STRING]
    item.ManufacturerModelName = plain(plan.applicator.title, LONG_STRING)
    if recorded:
        item.Manufacturer = item.InstitutionName = item.DeviceSerialNumber = ""
    return item


def source(plan: Plan, when: datetime) -> Dataset:
    """Return the source, with its dose rate to water in Gy/min as its strength."""
    item = Dataset()
    item.SourceNumber = 1
    item.SourceType = "POINT"
    item.SourceIsotopeName = isotope_name(plan)
    item.SourceIsotopeHalfLife = decimal(HALF_LIFE_DAYS)
    item.SourceStrengthUnits = "DOSE_RATE_WATER"
    item.ReferenceAirKermaRate = decimal(0.0)
    item.SourceStrength = decimal(float(dose_rate_gy_per_min(plan.output.depth_dose, STRENGTH_AT_MM)))
    item.SourceStrengthReferenceDate, item.SourceStrengthReferenceTime = day(when), time_of_day(when)
    return item


def channel(plan: Plan) -> Dataset:
    """Return what is true of the channel before and after treatment: one needle, one dwell position."""
    item = Dataset()
    item.ChannelNumber = 1
    item.ChannelLength = decimal(plan.applicator.channel.needle_length_mm)
    item.SourceMovementType = SOURCE_MOVEMENT
    item.TransferTubeNumber = None
    item.ReferencedSourceNumber = 1
    item.NumberOfControlPoints = 2
    return item


def add_applicator(item: Dataset, plan: Plan) -> None:
    """Add the applicator to a channel, or to what a record keeps of it."""
    item.SourceApplicatorID = plain(plan.applicator.name, SHORT_STRING)
    item.SourceApplicatorType = "RIGID"
    item.SourceApplicatorName = plain(plan.applicator.title, LONG_STRING)
    item.SourceApplicatorLength = decimal(plan.applicator.channel.needle_length_mm)


def calibration_state(plan: Plan) -> str:
    """Return what the time rests on, and whether the plan may be used."""
    if not plan.output.calibrated:
        return "nominal output, not for treatment"
    return "calibrated output" if plan.usable_for_treatment else "calibrated output, not for treatment"
