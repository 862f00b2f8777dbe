"""Applicators read from their data files: the ones that ship with metaspine, or a user's own."""

from __future__ import annotations

import math
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from metaspine.errors import DeviceFileError
from metaspine.evidence import look_up
from metaspine.physics.applicator_parts import (
    AnisotropyEntry,
    CannulaWall,
    EmissionEntry,
    Shaft,
    Stated,
    cannula_tube,
    emission_of,
    shaft_tube,
)
from metaspine.physics.applicators import Applicator, Channel, DepthDose, DistanceOrigin, Filter, MetalTube, Output
from metaspine.physics.device_files import DeviceFileModel, read_device_file

_NODES = 16
_REMEDY = "See docs/dose.md for the format of an applicator file"


class ValidRange(DeviceFileModel):
    """Distances from the isocentre, in mm, between which a law is taken as published."""

    start: float = Field(gt=0, alias="from")
    to: float = Field(gt=0)
    evidence: str


class NominalOutput(DeviceFileModel):
    """A power law through one published dose rate."""

    description: str
    dose_definition: Literal["physical dose to water"]
    reference_distance_mm: float = Field(gt=0)
    origin_of_distance: DistanceOrigin
    reference_dose_rate_gy_per_min: Stated
    fall_off_exponent: Stated
    half_width_of_output: Stated
    half_width_of_direction: Stated
    valid_from_isocentre_mm: ValidRange


class FilterEntry(DeviceFileModel):
    """A layer in the beam."""

    material: str
    thickness_mm: float = Field(gt=0)
    evidence: str
    note: str = ""
    stands_for_wall: bool = False


class SpectrumEntry(DeviceFileModel):
    """The source's spectrum by name."""

    name: str
    evidence: str


class ApplicatorFile(DeviceFileModel):
    """An applicator file as written; lengths in mm."""

    metaspine_applicator: Literal[1]
    name: str
    title: str
    tube_voltage_kv: Stated
    tube_current_ua: Stated | None = None
    needle_diameter_mm: Stated
    needle_length_mm: Stated
    tip_beyond_isocentre_mm: Stated
    through_bone: bool = True
    cannula_inner_diameter_mm: Stated | None = None
    cannula_length_mm: Stated | None = None
    cannula_wall: CannulaWall | None = None
    working_channel_diameter_mm: Stated | None = None
    plastic_tip_length_mm: Stated | None = None
    needle_hub_length_mm: Stated | None = None
    shaft: Shaft | None = None
    emission: EmissionEntry | None = None
    anisotropy: AnisotropyEntry | None = None
    tip_position_uncertainty_mm: Stated
    nominal_output: NominalOutput
    spectrum: SpectrumEntry | None = None
    filters: tuple[FilterEntry, ...] = ()

    @model_validator(mode="after")
    def _cannula_of_a_needle(self) -> ApplicatorFile:
        parts = (self.cannula_inner_diameter_mm, self.cannula_length_mm, self.working_channel_diameter_mm)
        if self.through_bone and None in parts:
            raise ValueError("an applicator that goes through bone needs its cannula's and its channel's sizes")
        if not self.through_bone and any(part is not None for part in (*parts, self.cannula_wall)):
            raise ValueError("an applicator that does not go through bone has no cannula and no channel")
        return self


def applicator_names() -> tuple[str, ...]:
    """Return the names of the applicators that ship with metaspine."""
    folder = files("metaspine.physics") / "data" / "applicators"
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def read_applicator(name_or_path: str | Path) -> Applicator:
    """Return an applicator by the name of a shipped one, or from a file (a path that ends in .yaml or .yml).

    Raises
    ------
    DeviceFileError
        When there is no such applicator, or its file is incomplete, inconsistent or cites unknown evidence.
    """
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        return _from_file(Path(text))
    if text not in applicator_names():
        raise DeviceFileError(
            f"there is no applicator {text!r}",
            where="applicators",
            remedy=f"There are: {', '.join(applicator_names())}; or give the path of a .yaml file",
        )
    with as_file(files("metaspine.physics") / "data" / "applicators" / f"{text}.yaml") as path:
        return _from_file(path)


def _from_file(path: Path) -> Applicator:
    document = read_device_file(path, ApplicatorFile, remedy=_REMEDY)
    stated = _stated(document)
    evidence = tuple(sorted(set(_cited(document))))
    for identifier in evidence:
        look_up(identifier)
    _refuse_impossible(document, path)
    radius = document.needle_diameter_mm.value / 2
    return Applicator(
        name=document.name,
        title=document.title,
        tube_voltage_kv=document.tube_voltage_kv.value,
        radius_mm=radius,
        tip_beyond_isocentre_mm=document.tip_beyond_isocentre_mm.value,
        channel=_channel(document),
        nominal=_nominal(document, radius),
        tip_position_uncertainty_mm=document.tip_position_uncertainty_mm.value,
        evidence=evidence,
        warnings=tuple(_warning(name, item) for name, item in stated.items() if item.others or item.note),
        through_bone=document.through_bone,
        spectrum=document.spectrum.name if document.spectrum else "",
        filters=tuple(
            Filter(layer.material, layer.thickness_mm, layer.evidence, layer.note, layer.stands_for_wall)
            for layer in document.filters
        ),
        emission=emission_of(document.emission, document.anisotropy, radius_mm=radius, path=path),
        tube_current_ua=document.tube_current_ua.value if document.tube_current_ua else None,
        metal=_metal(document, path),
    )


def _cited(document: ApplicatorFile) -> list[str]:
    """Return every evidence id of a file."""
    parts = (document.spectrum, document.emission, document.anisotropy)
    cited = [part.evidence for part in parts if part is not None]
    cited += [layer.evidence for layer in document.filters]
    cited += [document.nominal_output.valid_from_isocentre_mm.evidence]
    return cited + [value.evidence for item in _stated(document).values() for value in (item, *item.others)]


def _metal(document: ApplicatorFile, path: Path) -> tuple[MetalTube, ...]:
    """Return what throws a shadow behind the tip: shaft and cannula, where the file names their walls."""
    tip, found = document.tip_beyond_isocentre_mm.value, []
    if document.shaft is not None:
        found.append(shaft_tube(document.shaft, tip_mm=tip, length_mm=document.needle_length_mm.value, path=path))
    bore, length = document.cannula_inner_diameter_mm, document.cannula_length_mm
    if document.cannula_wall is not None and bore is not None and length is not None:
        protrusion = _channel(document).protrusion_mm
        wall = document.cannula_wall
        found.append(cannula_tube(wall, bore, length, tip_mm=tip, protrusion_mm=protrusion, path=path))
    return tuple(found)


def _stated(document: ApplicatorFile) -> dict[str, Stated]:
    parts: tuple[tuple[str, DeviceFileModel | None], ...] = (
        ("", document),
        ("", document.nominal_output),
        ("shaft_", document.shaft),
        ("cannula_", document.cannula_wall),
    )
    found = ((prefix + key, value) for prefix, part in parts if part is not None for key, value in part)
    return {name: value for name, value in found if isinstance(value, Stated)}


def _warning(name: str, item: Stated) -> str:
    """Return a line such as "needle diameter 4.4 mm (PHY-01); also 4.2 mm (PHY-02): note"."""
    words, _, unit = name.rpartition("_")
    symbol = {"mm": " mm", "kv": " kV", "ua": " µA"}.get(unit, "")
    label = (words if symbol else name).replace("_", " ")
    others = "".join(f"; also published: {other.value:g}{symbol} ({other.evidence})" for other in item.others)
    note = f": {item.note}" if item.note else ""
    return f"{label} {item.value:g}{symbol} ({item.evidence}){others}{note}"


def _refuse_impossible(document: ApplicatorFile, path: Path) -> None:
    radius = document.needle_diameter_mm.value / 2
    tip = document.tip_beyond_isocentre_mm.value
    faults = {
        f"the needle ({document.needle_diameter_mm.value} mm) is wider than the cannula's bore": (
            document.cannula_inner_diameter_mm is not None
            and document.needle_diameter_mm.value > document.cannula_inner_diameter_mm.value
        ),
        f"the tip lies {tip} mm beyond the isocentre, which is nearer than half the needle's radius": tip < radius / 2,
        "the needle is no longer than its hub and the cannula: its tip cannot stand out": (
            document.cannula_length_mm is not None and _channel(document).protrusion_mm <= 0
        ),
        "the valid range ends before it begins": (
            document.nominal_output.valid_from_isocentre_mm.to <= document.nominal_output.valid_from_isocentre_mm.start
        ),
        "the valid range begins inside the applicator": (
            document.nominal_output.valid_from_isocentre_mm.start < radius
        ),
    }
    for fault, found in faults.items():
        if found:
            raise DeviceFileError(fault, where=str(path), remedy="Correct the file's lengths (mm)")


def _channel(document: ApplicatorFile) -> Channel:
    """Return the channel; without a cannula the applicator itself is what must fit."""
    diameter = document.needle_diameter_mm
    parts = {
        "needle_diameter_mm": diameter,
        "needle_length_mm": document.needle_length_mm,
        "cannula_inner_diameter_mm": document.cannula_inner_diameter_mm or diameter,
        "working_channel_diameter_mm": document.working_channel_diameter_mm or diameter,
    }
    cannula = document.cannula_length_mm
    evidence = dict.fromkeys(part.evidence for part in (*parts.values(), *([cannula] if cannula else [])))
    sizes = {name: part.value for name, part in parts.items()}
    tip, hub = document.plastic_tip_length_mm, document.needle_hub_length_mm
    return Channel(
        **sizes,
        cannula_length_mm=cannula.value if cannula else 0.0,
        evidence=tuple(evidence),
        plastic_tip_length_mm=tip.value if tip else None,
        hub_length_mm=hub.value if hub else 0.0,
    )


def _nominal(document: ApplicatorFile, radius_mm: float) -> Output:
    nominal = document.nominal_output
    offsets = {
        DistanceOrigin.ISOCENTRE: 0.0,
        DistanceOrigin.APPLICATOR_SURFACE: radius_mm,
        DistanceOrigin.APPLICATOR_TIP: document.tip_beyond_isocentre_mm.value,
    }
    reference = nominal.reference_distance_mm + offsets[nominal.origin_of_distance]
    start, to = nominal.valid_from_isocentre_mm.start, nominal.valid_from_isocentre_mm.to
    distance = np.geomspace(start, to, _NODES)
    law = (reference / distance) ** nominal.fall_off_exponent.value
    return Output(
        depth_dose=DepthDose(
            distance_from_isocentre_mm=distance,
            dose_rate_gy_per_min=nominal.reference_dose_rate_gy_per_min.value * law,
            relative_uncertainty=nominal.half_width_of_output.value / math.sqrt(3),
            valid_mm=(start, to),
            evidence=(
                nominal.reference_dose_rate_gy_per_min.evidence,
                nominal.fall_off_exponent.evidence,
                nominal.half_width_of_output.evidence,
                nominal.valid_from_isocentre_mm.evidence,
            ),
            direction_relative_uncertainty=nominal.half_width_of_direction.value / math.sqrt(3),
        ),
        calibrated=False,
        description=nominal.description,
        dose_definition=nominal.dose_definition,
    )
