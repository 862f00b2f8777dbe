"""A Monte Carlo run comes back from its files as it was, and for no other plan."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from metaspine.errors import GridMismatch, InputError
from metaspine.evaluation import MonteCarlo
from metaspine.exchange.nifti import read_nifti, write_volume
from metaspine.geometry import Volume
from metaspine.patient.plan import Plan
from metaspine.reports.monte_carlo_files import (
    CHECKPOINT,
    NUMBERS,
    TO_WATER,
    UNCERTAINTY_TO_MEDIUM,
    monte_carlo_document,
    write_monte_carlo_volumes,
)
from metaspine.reports.monte_carlo_reading import read_monte_carlo


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, console_plan: Plan, monte_carlo: MonteCarlo) -> Path:
    folder = tmp_path_factory.mktemp("run")
    files = write_monte_carlo_volumes(monte_carlo, folder)
    numbers = monte_carlo_document(console_plan, monte_carlo, files=files)
    (folder / NUMBERS).write_text(json.dumps(numbers), encoding="utf-8")
    return folder


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    """The run's files, to be changed."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


def numbers(run: Path, **changed: Any) -> None:
    """Change some of a run's numbers."""
    path = run / NUMBERS
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")


def test_both_doses_and_their_noise_come_back(kept: Path, console_plan: Plan, monte_carlo: MonteCarlo) -> None:
    found, doses = read_monte_carlo(kept, console_plan), monte_carlo.doses
    for back, dose, noise in (
        (found.to_medium, doses.to_medium, doses.statistical_uncertainty),
        (found.to_water, doses.to_water, doses.statistical_uncertainty_to_water),
    ):
        np.testing.assert_array_equal(back.dose.volume.values, dose.volume.values)
        np.testing.assert_array_equal(back.statistical_uncertainty.values, noise.values)
        assert back.dose.volume.grid.aligned_with(dose.volume.grid)
        whole, wanted = back.dose.relative_uncertainty.values, dose.relative_uncertainty.values
        np.testing.assert_allclose(whole, wanted, rtol=1e-5)
        assert (back.dose.medium, back.dose.convention) == (dose.medium, dose.convention)
        assert replace(back.dose.provenance, filters=dose.provenance.filters) == dose.provenance
        assert back.dose.notes[: len(dose.notes)] == dose.notes
    assert not np.array_equal(
        found.to_medium.statistical_uncertainty.values, found.to_water.statistical_uncertainty.values
    )


def test_the_noise_of_both_doses_is_of_the_same_photons(monte_carlo: MonteCarlo) -> None:
    """Water in a medium of nearly water's composition takes nearly the medium's noise; in bone it differs."""
    one, other = monte_carlo.doses.statistical_uncertainty, monte_carlo.doses.statistical_uncertainty_to_water
    known = np.nan_to_num(one.values) > 0
    assert np.median(other.values[known] / one.values[known]) == pytest.approx(1.0, abs=0.05)


def turned(plan: Plan) -> Plan:
    direction = plan.dwell.direction[[1, 0, 2]]
    return replace(plan, dwell=replace(plan.dwell, direction=direction))


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda plan: replace(plan, scan_sha256="d" * 64), "scan cccccccccccc, the plan's is dddddddddddd"),
        (lambda plan: replace(plan, level="L1"), "level T12, the plan's is L1"),
        (
            lambda plan: replace(
                plan, dwell=replace(plan.dwell, isocentre_mm=plan.dwell.isocentre_mm + np.array([0, 0, 0.5]))
            ),
            "its isocentre lies 0.50 mm from the plan's",
        ),
        (turned, "its needle points another way"),
        (
            lambda plan: replace(plan, dwell=replace(plan.dwell, time_s=360.0)),
            "300.4 s, the plan's time is 360.0 s",
        ),
        (
            lambda plan: replace(plan, applicator=replace(plan.applicator, name="sphere")),
            "applicator intrabeam-needle, the plan's is sphere",
        ),
        (
            lambda plan: replace(plan, output=replace(plan.output, description="its own output")),
            "the plan's is its own output",
        ),
        (lambda plan: replace(plan, output=replace(plan.output, calibrated=True)), "one of the two is calibrated"),
    ],
)
def test_another_plans_run_is_refused_and_the_difference_named(
    kept: Path, console_plan: Plan, other: Callable[[Plan], Plan], said: str
) -> None:
    with pytest.raises(InputError, match=r"computed for another plan: .*with metaspine dose") as refused:
        read_monte_carlo(kept, other(console_plan))
    assert said in str(refused.value)


def test_what_rounding_in_a_plans_file_changes_is_no_other_plan(kept: Path, console_plan: Plan) -> None:
    dwell = console_plan.dwell
    rounded = replace(dwell, isocentre_mm=dwell.isocentre_mm + 0.005, time_s=dwell.time_s + 0.05)
    read_monte_carlo(kept, replace(console_plan, dwell=rounded))


def test_a_missing_or_stopped_run_says_what_to_do(tmp_path: Path, console_plan: Plan) -> None:
    with pytest.raises(InputError, match=r"no Monte Carlo dose of the plan lies here.*metaspine dose, or say where"):
        read_monte_carlo(tmp_path, console_plan)
    (tmp_path / CHECKPOINT).touch()
    with pytest.raises(InputError, match=r"run that was stopped.*--resume"):
        read_monte_carlo(tmp_path, console_plan)


def test_a_run_of_an_earlier_version_or_without_its_noise_is_refused(run: Path, console_plan: Plan) -> None:
    numbers(run, metaspine_monte_carlo=1)
    with pytest.raises(InputError, match=r"no Monte Carlo run of this version: metaspine_monte_carlo.*anew"):
        read_monte_carlo(run, console_plan)
    numbers(run, metaspine_monte_carlo=2)
    (run / UNCERTAINTY_TO_MEDIUM).unlink()
    with pytest.raises(InputError, match=r"statistical-uncertainty-to-medium.nii.gz: there is no such file"):
        read_monte_carlo(run, console_plan)


def test_a_file_of_another_run_is_refused(run: Path, console_plan: Plan) -> None:
    dose = read_nifti(run / TO_WATER).volume
    write_volume(Volume(1.01 * dose.values, dose.grid), run / TO_WATER)
    with pytest.raises(
        InputError, match=r"to-water-in-medium.nii.gz: is not the file that the run of monte-carlo.json"
    ):
        read_monte_carlo(run, console_plan)


def test_a_dose_and_noise_of_two_grids_are_refused(run: Path, console_plan: Plan) -> None:
    path = run / UNCERTAINTY_TO_MEDIUM
    noise = read_nifti(path).volume
    write_volume(noise.cropped((0, 0, 0), (10, 10, 10)), path)
    files = json.loads((run / NUMBERS).read_text(encoding="utf-8"))["files_sha256"]
    numbers(run, files_sha256=files | {path.name: sha256(path.read_bytes()).hexdigest()})
    with pytest.raises(GridMismatch, match="a dose and its uncertainty do not lie on one grid"):
        read_monte_carlo(run, console_plan)
