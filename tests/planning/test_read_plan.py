"""A plan read back: what the file holds comes back, what it does not hold must be what the plan was made with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from metaspine.errors import DeviceFileError, InputError, MetaspineError, StructureError
from metaspine.exchange.case_file import read_case
from metaspine.exchange.scans import read_scan
from metaspine.geometry import Volume
from metaspine.patient.plan import MonteCarloOverride, Plan
from metaspine.patient.prescription import DoseLimit, Prescription
from metaspine.patient.scan import Scan
from metaspine.planning import make_plan, read_plan
from metaspine.planning.document import plan_document


@pytest.fixture(scope="module")
def scan(example_folder: Path) -> Scan:
    folder = example_folder / "t12"
    return read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")


@pytest.fixture(scope="module")
def plan(scan: Scan, example_folder: Path) -> Plan:
    """With the derived canal as the limiting structure, which no file holds."""
    case = read_case(example_folder / "t12" / "case.yaml")
    wanted = Prescription(dose_gy=8, depth_mm=10, limit=DoseLimit("bony canal"))
    return make_plan(scan, case, level="T12", prescription=wanted, level_confirmed_by="Dr Test")


@pytest.fixture
def file(tmp_path: Path, plan: Plan) -> Path:
    return written(tmp_path, plan_document(plan))


def written(folder: Path, document: Any) -> Path:
    path = folder / "plan.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_plan_comes_back_as_it_was_written(file: Path, plan: Plan, scan: Scan) -> None:
    again = read_plan(file.parent, scan)
    assert plan_document(again) == json.loads(file.read_text(encoding="utf-8"))
    np.testing.assert_allclose(again.dwell.isocentre_mm, plan.dwell.isocentre_mm, atol=0.005)
    assert np.linalg.norm(again.dwell.direction) == pytest.approx(1.0, abs=1e-12)
    assert again.limiting_structure.name == plan.limiting_structure.name
    assert again.lesion is scan.structure(plan.lesion.name)
    assert again.applicator.spectrum == plan.applicator.spectrum


def lengthened(plan: Plan) -> MonteCarloOverride:
    """Return an override for 5 Gy by Monte Carlo where 8 Gy are prescribed, of times as the file rounds them."""
    console_s, time_s = round(plan.dwell.time_s, 1), round(plan.dwell.time_s * 8 / 5, 1)
    return MonteCarloOverride("why", "who", console_s, time_s, "there", 5.0, 2.0, float("inf"), False, True)


def test_what_is_not_determinable_and_an_override_come_back_too(tmp_path: Path, plan: Plan, scan: Scan) -> None:
    override = lengthened(plan)
    odd = replace(
        plan,
        dwell=replace(plan.dwell, time_s=override.time_s),
        override=override,
        trajectory=replace(plan.trajectory, entry_mm=None, depth_mm=None, pedicle_margin_mm=float("nan")),
        vertebra=replace(plan.vertebra, right_pedicle=None, superior_endplate=None, canal_centre_mm=None),
        limit=replace(plan.limit, d003cc_gy=None, point_maximum_upper_95_gy=float("inf")),
    )
    document = plan_document(odd)
    again = read_plan(written(tmp_path, document), scan)
    assert plan_document(again) == json.loads(json.dumps(document))
    assert again.override == override
    assert again.limit.point_maximum_upper_95_gy == float("inf")
    del document["treated_by_monte_carlo"]
    document["dwell"]["time_s"] = round(plan.dwell.time_s, 1)
    assert read_plan(written(tmp_path, document), scan).override is None


def changed(document: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    place: Any = document
    *way, last = key.split(".")
    for part in way:
        place = place[part]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("metaspine_plan", 2, "no plan of this version: metaspine_plan"),
        ("colour", "red", "no plan of this version: colour"),
        ("dwell.time_s", float("nan"), r"no plan of this version: dwell\.time_s"),
        ("dwell.time_s", 900.0, r"time of 900 s is not that of its dose.*never changed by hand"),
        ("dwell.isocentre_mm", [1, 2], r"no plan of this version: dwell\.isocentre_mm"),
        (
            "prescription.dose_rate_gy_per_min",
            1.0,
            r"dose rate is 1 Gy/min, this output gives .*calibration that the plan",
        ),
        ("scan_sha256", "0" * 64, r"made on another scan \(000000000000\).*Give the scan it was made on"),
        ("limit.nearest_distance_from_isocentre_mm", 3.0, "these are not the structures it was made with"),
        ("applicator.radius_mm", 3.0, r"made with another applicator.*Name the applicator's file"),
        ("applicator.name", "none", "none"),
        ("lesion.name", "tumour", "no structure 'tumour'"),
    ],
)
def test_what_does_not_belong_to_the_plan_is_refused(
    tmp_path: Path, plan: Plan, scan: Scan, key: str, value: Any, message: str
) -> None:
    path = written(tmp_path, changed(plan_document(plan), key, value))
    with pytest.raises(MetaspineError, match=message):
        read_plan(path, scan)


@pytest.mark.parametrize(
    ("key", "factor", "message"),
    [
        ("console_time_s", 1.2, r"console's time of .* is not that of dose and dose rate.*never changed by hand"),
        ("time_s", 1.5, r"time by Monte Carlo of .* is not that of 8 Gy over 5 Gy in .*never changed by hand"),
        ("monte_carlo_gy_in_console_time", 0.5, r"is not that of 8 Gy over 2\.5 Gy"),
        ("monte_carlo_gy_in_console_time", 0.0, r"no plan of this version: treated_by_monte_carlo\.monte_carlo_gy"),
    ],
)
def test_a_time_that_no_monte_carlo_dose_asks_for_is_refused(
    tmp_path: Path, plan: Plan, scan: Scan, key: str, factor: float, message: str
) -> None:
    document = plan_document(replace(plan, override=lengthened(plan)))
    document["treated_by_monte_carlo"][key] *= factor
    document["dwell"]["time_s"] = document["treated_by_monte_carlo"]["time_s"]
    with pytest.raises(InputError, match=message):
        read_plan(written(tmp_path, document), scan)


def test_no_plan_at_all(tmp_path: Path, scan: Scan) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(InputError, match=r"cannot be read.*that metaspine plan wrote"):
            read_plan(path, scan)
    (tmp_path / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="is not JSON"):
        read_plan(tmp_path, scan)
    (tmp_path / "plan.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="no plan of this version: the document"):
        read_plan(tmp_path, scan)


def test_structures_that_moved_since_are_noticed(file: Path, scan: Scan) -> None:
    """Every vertebra a voxel farther back: the canal derived from them is no longer the plan's."""
    moved = []
    for structure in scan.structures:
        if structure.name.startswith("vertebrae") and isinstance(structure.region, Volume):
            affine = structure.region.grid.affine.copy()
            affine[1, 3] += 1.5
            grid = replace(structure.region.grid, affine=affine)
            moved.append(replace(structure, region=Volume(structure.region.values, grid)))
        else:
            moved.append(structure)
    with pytest.raises(InputError, match="not the structures it was made with"):
        read_plan(file, replace(scan, structures=tuple(moved)))
    without = tuple(structure for structure in scan.structures if "lesion" not in structure.name)
    with pytest.raises(StructureError, match="lesion_T12"):
        read_plan(file, replace(scan, structures=without))


def test_a_calibrated_plan_wants_its_calibration(tmp_path: Path, plan: Plan, scan: Scan, example_folder: Path) -> None:
    document = changed(plan_document(plan), "output.calibrated", True)
    path = written(tmp_path, changed(document, "output.source", str(tmp_path / "gone.yaml")))
    with pytest.raises(DeviceFileError, match=r"gone\.yaml"):
        read_plan(path, scan)
    calibration = yaml.safe_load((example_folder / "calibration.yaml").read_text(encoding="utf-8"))
    assert calibration["applicator"] == "intrabeam-needle"
    expired = tmp_path / "calibration.yaml"
    expired.write_text((example_folder / "calibration.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DeviceFileError, match="expired"):
        read_plan(path, scan, calibration=expired)
