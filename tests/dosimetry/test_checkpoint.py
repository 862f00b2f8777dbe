"""Checkpoints: the same bits after an interruption, even by kill -9; another run's checkpoint is refused by name."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_reference_engine import FEW, NEEDLE, RATE, grid, irradiation, with_wall

from metaspine.dosimetry import checkpoint as module
from metaspine.dosimetry.checkpoint import CheckpointFile, digest, read_checkpoint
from metaspine.dosimetry.engine import Irradiation
from metaspine.dosimetry.reference import ReferenceDoses, Stop, reference_doses
from metaspine.dosimetry.reference_tissues import all_water
from metaspine.errors import Cancelled, InputError, OutputError
from metaspine.patient.plan import DwellPosition
from metaspine.running import Progress, silent

ROUND = 10 * FEW.rays_per_batch
STOP = Stop(relative_uncertainty=None, distance_mm=10.0, histories=4 * ROUND)


def asked() -> Irradiation:
    where = grid()
    return irradiation(where, with_wall(where, 6.0, 10.0))


def stopped_after(rounds: int) -> Progress:
    left = [rounds]

    def listen(step: str, fraction: float) -> None:
        left[0] -= step == "Monte Carlo dose"
        if not left[0]:
            raise Cancelled("stopped")

    return listen


def run(
    path: Path | None, *, resume: bool = False, progress: Progress = silent, every_s: float = 1e9
) -> ReferenceDoses:
    kept = None if path is None else CheckpointFile(path, resume, every_s)
    return reference_doses(asked(), stop=STOP, sampling=FEW, rate=RATE, checkpoint=kept, progress=progress)


@pytest.fixture(scope="module")
def uninterrupted() -> ReferenceDoses:
    return run(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The checkpoint of a run that was stopped after two rounds of four."""
    file = tmp_path / "run.checkpoint"
    with pytest.raises(Cancelled):
        run(file, progress=stopped_after(2))
    return file


def assert_same_bits(one: ReferenceDoses, other: ReferenceDoses) -> None:
    assert one.to_medium.provenance == other.to_medium.provenance
    for first, second in (
        (one.to_medium.volume, other.to_medium.volume),
        (one.to_water.volume, other.to_water.volume),
        (one.statistical_uncertainty, other.statistical_uncertainty),
    ):
        assert first.values.tobytes() == second.values.tobytes()


def test_a_run_that_was_stopped_goes_on_with_the_same_bits(path: Path, uninterrupted: ReferenceDoses) -> None:
    tallies = read_checkpoint(path)[1]
    assert [tally.batches for tally in tallies] == [20]
    assert_same_bits(run(path, resume=True), uninterrupted)
    assert [item.name for item in path.parent.iterdir()] == ["run.checkpoint"]
    assert [tally.batches for tally in read_checkpoint(path)[1]] == [40]
    assert_same_bits(run(path, resume=True), uninterrupted)


def test_a_run_may_be_stopped_again_and_again(path: Path, uninterrupted: ReferenceDoses) -> None:
    with pytest.raises(Cancelled):
        run(path, resume=True, progress=stopped_after(2))
    assert [tally.batches for tally in read_checkpoint(path)[1]] == [30]
    assert_same_bits(run(path, resume=True), uninterrupted)


def test_control_c_keeps_the_last_whole_round(tmp_path: Path, uninterrupted: ReferenceDoses) -> None:
    def listen(step: str, fraction: float) -> None:
        if step == "Monte Carlo dose" and fraction > 0.4:
            raise KeyboardInterrupt

    path = tmp_path / "run.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        run(path, progress=listen)
    assert_same_bits(run(path, resume=True), uninterrupted)


_PROGRAM = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_checkpoint import run

def listen(step, fraction):
    if step == "Monte Carlo dose" and fraction > 0.7:
        os.kill(os.getpid(), signal.SIGKILL)

run(Path(sys.argv[2]), progress=listen, every_s=0.0)
"""


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path: Path, uninterrupted: ReferenceDoses) -> None:
    path = tmp_path / "run.checkpoint"
    here = os.path.dirname(__file__)
    killed = subprocess.run([sys.executable, "-c", _PROGRAM, here, str(path)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [tally.batches for tally in read_checkpoint(path)[1]] == [30]
    assert_same_bits(run(path, resume=True), uninterrupted)


def test_two_positions_are_kept_together(tmp_path: Path) -> None:
    one = asked()
    two = replace(
        one, dwells=(one.dwells[0], DwellPosition(one.dwells[0].isocentre_mm + 2.0, np.array([0, 1.0, 0]), 9.0))
    )
    kept = CheckpointFile(tmp_path / "run.checkpoint")
    whole = reference_doses(two, stop=STOP, sampling=FEW, rate=RATE, progress=silent)
    with pytest.raises(Cancelled):
        reference_doses(two, stop=STOP, sampling=FEW, rate=RATE, checkpoint=kept, progress=stopped_after(1))
    on = replace(kept, resume=True)
    assert_same_bits(reference_doses(two, stop=STOP, sampling=FEW, rate=RATE, checkpoint=on, progress=silent), whole)


def moved(one: Irradiation) -> Irradiation:
    return replace(one, dwells=(replace(one.dwells[0], isocentre_mm=one.dwells[0].isocentre_mm + 0.01),))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda one: replace(one, scan_sha256="f" * 64), "not the same scan (there: scan 000000000000)"),
        (moved, "not the same plan, applicator"),
        (lambda one: replace(one, dwells=(replace(one.dwells[0], time_s=61.0),)), "not the same plan (there"),
        (lambda one: replace(one, tissues=all_water(one.grid)), "not the same tissues"),
        (lambda one: replace(one, output=replace(NEEDLE.nominal, depth_dose=faster())), "not the same output"),
        (lambda one: replace(one, applicator=replace(NEEDLE, radius_mm=2.3)), "not the same applicator"),
    ],
)
def test_the_checkpoint_of_another_run_is_refused_by_name(path: Path, change: object, named: str) -> None:
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"belongs to another run.*Delete it to start anew") as caught:
        reference_doses(
            change(asked()),  # type: ignore[operator]
            stop=STOP,
            sampling=FEW,
            rate=RATE,
            checkpoint=CheckpointFile(path, resume=True),
            progress=silent,
        )
    assert named in caught.value.what
    assert path.read_bytes() == before


def faster() -> object:
    curve = NEEDLE.nominal.depth_dose
    return replace(curve, dose_rate_gy_per_min=curve.dose_rate_gy_per_min * 1.01)


def test_another_seed_and_another_engine_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = CheckpointFile(path, resume=True)
    with pytest.raises(InputError, match="not the same sampling"):
        reference_doses(asked(), stop=STOP, sampling=FEW._replace(seed=2), rate=RATE, checkpoint=kept, progress=silent)
    monkeypatch.setattr(module, "engine_digest", lambda: "0" * 64)
    with pytest.raises(InputError, match="not the same engine"):
        run(path, resume=True)


def test_an_earlier_checkpoint_is_not_overwritten_unasked(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"an earlier run lies here.*Resume it, or delete it"):
        run(path)
    assert path.read_bytes() == before


def test_nothing_to_resume_and_nowhere_to_keep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no checkpoint to resume.*without resuming"):
        run(tmp_path / "none", resume=True)
    with pytest.raises(OutputError, match="folder does not exist"):
        run(tmp_path / "none" / "run.checkpoint")


@pytest.mark.parametrize("damage", ["short", "empty", "text", "flipped"])
def test_a_damaged_checkpoint_is_refused(path: Path, damage: str) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(
        {
            "short": whole[:middle],
            "empty": b"",
            "text": b"not a checkpoint",
            "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        }[damage]
    )
    with pytest.raises(InputError, match=r"no readable checkpoint.*Delete it and start anew"):
        run(path, resume=True)


def test_another_format_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORMAT", 2)
    with pytest.raises(InputError, match="format 1, this program reads 2"):
        run(path, resume=True)


def test_what_a_digest_tells_apart() -> None:
    values = [
        np.zeros(2),
        np.zeros((2, 1)),
        np.zeros(2, np.float32),
        (0.0, 0.0),
        ((0.0,), 0.0),
        "(0.0, 0.0)",
        b"",
        0.0,
        -0.0,
        0,
    ]
    assert len({digest(value) for value in values}) == len(values)
    assert digest(NEEDLE) == digest(NEEDLE)
    assert digest(NEEDLE) != digest(replace(NEEDLE, radius_mm=2.2000001))


def test_the_file_says_what_it_is_without_python(path: Path) -> None:
    with np.load(path, allow_pickle=False) as stored:
        header = json.loads(str(stored["header"]))
    assert header["metaspine_checkpoint"] == 1
    assert set(header["identity"]) == {"scan", "plan", "applicator", "output", "tissues", "sampling", "engine"}
