"""A scan that left as DICOM and came back is planned the same: regions keep role, level, origin, who confirmed them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from phantom_vertebra import Phantom, make_scan, make_vertebra

from metaspine.exchange.scans import read_scan
from metaspine.exchange.writing.ct import write_ct
from metaspine.exchange.writing.rtstruct import write_rtstruct
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Origin, Structure
from metaspine.planning.cautions import lesion_cautions
from metaspine.planning.lesions import lesion_of
from metaspine.planning.limiting import neural_structures

PHANTOM = Phantom(spacing_mm=1.5)


@pytest.fixture(scope="module")
def scan() -> Scan:
    """Names that say nothing, and one structure that a person confirmed and no person drew."""
    made = make_scan(PHANTOM, cord_origin=Origin.AUTOMATIC)
    told = {"lesion": {"name": "1"}, "cord": {"name": "2", "confirmed_by": "A. Reader"}, "canal": {"name": "3"}}
    return replace(made, structures=tuple(replace(item, **told.get(item.name, {})) for item in made.structures))


@pytest.fixture(scope="module")
def back(scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Scan:
    folder = tmp_path_factory.mktemp("left and came back")
    used = write_ct(scan, folder / "ct")
    return read_scan(folder / "ct", structures=write_rtstruct(used, folder / "rs.dcm"))


def said(structure: Structure) -> tuple[str, ...]:
    return (structure.name, structure.role, structure.level, structure.origin, structure.confirmed_by)


def test_every_region_is_what_it_was(scan: Scan, back: Scan) -> None:
    assert [said(item) for item in back.structures] == [said(item) for item in scan.structures]
    assert len({item.origin for item in back.structures}) == 3


def test_lesion_limit_and_cautions_of_the_plan_are_the_same(scan: Scan, back: Scan) -> None:
    lesions = [lesion_of(one, "T12", None) for one in (scan, back)]
    assert said(lesions[1]) == said(lesions[0])
    assert lesion_cautions(lesions[1]) == lesion_cautions(lesions[0]) != ()
    limits = [neural_structures(one, make_vertebra(PHANTOM), "spinal cord") for one in (scan, back)]
    assert said(limits[1].limiting) == said(limits[0].limiting)
    assert limits[1].cautions == limits[0].cautions == ()
