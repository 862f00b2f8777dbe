"""Registration of one vertebra on real CTs with known truths: ``python -m validation.registration``.

Prints target errors, the coverage of the stated error and what became of every attempt at a wrong level. The second
images are made from the first (validation/registration_cases.py): two scans of one patient are not in the shared data.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np

from metaspine.errors import LevelError, MetaspineError
from metaspine.exchange.scans import read_scan
from metaspine.geometry.transforms import RigidTransform
from metaspine.imaging.registration import register_vertebra
from validation.chapter import Chapter, Table, verdict
from validation.registration_cases import FRAME, Patient, Setting, case_of, first_image

GOAL_MM, WRONG_MM = 0.7, 5.0
"""The goal for the median target error, and from where an accepted result is called wrong: a fifth of a level."""

THORACIC, LUMBAR = "ct_lidc0001_thoracolumbar", "ct_totalseg_lumbar_3mm"
_LEVELS = {
    THORACIC: ("T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "L1"),
    LUMBAR: ("L1", "L2", "L3", "L4"),
}
_FAMILIES: dict[str, Setting] = {
    "CT, other spacing and kernel": Setting("", 0, blur_mm=0.8),
    "CT, kyphosis": Setting("", 0, neighbours_turn_degrees=12.0, spacing_mm=(0.7, 0.7, 2.0)),
    "CT, needle and screws": Setting("", 0, needle=True, screws=True, noise=60.0, start_off_mm=15.0),
    "CT, small field, noise": Setting("", 0, noise=120.0, field_mm=90.0, height_mm=80.0, start_off_mm=20.0),
    "CT, cut through the vertebra": Setting("", 0, noise=60.0, cut_mm=8.0),
    "cone-beam": Setting("", 0, kind="cone-beam", noise=80.0, shading=60.0, field_mm=120.0, start_off_mm=15.0),
    "cone-beam, needle, screws, small field": Setting(
        "", 0, kind="cone-beam", noise=100.0, shading=80.0, needle=True, screws=True, field_mm=90.0, height_mm=80.0,
        start_off_mm=20.0,
    ),
    "MR contrast": Setting("", 0, kind="mr", noise=25.0, shading=50.0, blur_mm=1.0, spacing_mm=(0.9, 0.9, 3.0)),
    "CT, planned on MR contrast": Setting("", 0, planned="mr"),
    "CT, prone, pointed at": Setting(
        "", 0, posture_degrees=15.0, apart_mm=300.0, turn_degrees=0.0, noise=60.0, start="point",
    ),
    "cone-beam, prone, not pointed at": Setting(
        "", 0, kind="cone-beam", posture_degrees=15.0, apart_mm=300.0, turn_degrees=0.0, noise=80.0, shading=60.0,
        field_mm=160.0, height_mm=140.0, start="none",
    ),
}  # fmt: skip
_EACH = 20
_WRONG_EACH = 22
_FEW = 2
"""So many of each are in the validation page, which is made anew often."""


@dataclass(frozen=True)
class Trial:
    """One registration to try: whose, what kind, and what is asked."""

    source: str
    family: str
    setting: Setting


@dataclass(frozen=True)
class Outcome:
    """What became of a trial."""

    trial: Trial
    accepted: bool
    target_mm: float = np.nan
    """The mean distance of the vertebra's points from their true places."""
    stated_mm: float = np.nan
    margin: float = np.nan
    likeness: float = np.nan
    refusal: str = ""

    @property
    def wrong(self) -> bool:
        """Whether a place was accepted that is another vertebra's, or none's."""
        return self.accepted and self.target_mm > WRONG_MM


def trials() -> tuple[Trial, ...]:
    """Return every trial, mixed: each family on both CTs, and the attempts at a wrong level."""
    ordered = (*_right(), *_wrong())
    return tuple(ordered[n] for n in np.random.default_rng(1).permutation(len(ordered)))


def _right() -> Iterable[Trial]:
    places = [(source, level) for source, levels in _LEVELS.items() for level in levels]
    for family, setting in _FAMILIES.items():
        for n in range(_EACH):
            source, level = places[(7 * n) % len(places)]
            yield Trial(source, family, replace(setting, level=level, seed=100 + n))


def _wrong() -> Iterable[Trial]:
    """Yield starts one level off, and images that show only another level."""
    kinds = [_FAMILIES[name] for name in ("CT, needle and screws", "cone-beam", "MR contrast")]
    pairs = [(s, a, b) for s, ls in _LEVELS.items() for a, b in product(ls, ls) if abs(ls.index(a) - ls.index(b)) == 1]
    further = [
        (s, a, b) for s, ls in _LEVELS.items() for a, b in product(ls, ls) if abs(ls.index(a) - ls.index(b)) == 2
    ]
    for n in range(_WRONG_EACH):
        base = replace(kinds[n % 3], seed=500 + n, start_off_mm=5.0)
        source, level, other = pairs[(5 * n) % len(pairs)]
        yield Trial(source, "start one level off", replace(base, level=level, start_on=other))
        only = replace(base, level=level, start_on=other, field_on=other, field_mm=90.0, height_mm=60.0)
        yield Trial(source, "field and start on a neighbour", only)
        source, level, other = further[(5 * n) % len(further)]
        only = replace(base, level=level, start_on=other, field_on=other, field_mm=90.0, height_mm=60.0)
        yield Trial(source, "field and start two levels off", only)
        wide = replace(only, start="none", posture_degrees=15.0, apart_mm=300.0, turn_degrees=0.0)
        yield Trial(source, "field two levels off, not pointed at", wide)


@cache
def patient_of(source: str, data: Path) -> Patient:
    """Return a CT of the shared data with its labels."""
    return Patient(read_scan(data / source / "ct.nii.gz", structures=data / source / "labels.nii.gz"))


def outcome_of(trial: Trial, data: Path) -> Outcome:
    """Make the second image and register it."""
    patient, setting = patient_of(trial.source, data), trial.setting
    case = case_of(patient, setting)
    start = RigidTransform(case.start, patient.scan.frame_of_reference, FRAME) if case.start is not None else None
    neighbours = [patient.vertebrae[level] for level in patient.near(setting.level) if level != setting.level]
    vertebra = patient.vertebrae[setting.level]
    try:
        first = first_image(patient, setting)
        found = register_vertebra(first, case.image, vertebra=vertebra, neighbours=neighbours, start=start)
    except MetaspineError as refused:
        kind = "level" if isinstance(refused, LevelError) else "not found"
        return Outcome(trial, False, refusal=f"{kind}: {refused.what}")
    target = case.error_mm(found.transform.matrix)
    return Outcome(trial, True, target, found.error_mm, found.level_margin, found.likeness)


def measured(data: Path, wanted: Sequence[Trial], *, processes: int, log: Path | None = None) -> list[Outcome]:
    """Return the outcomes; each is told on standard error, added to the log and, where it is there, not tried again."""
    outcomes = _kept(log, wanted)
    open_ = [trial for trial in wanted if trial not in [one.trial for one in outcomes]]
    with ProcessPoolExecutor(processes) as pool:
        for outcome in pool.map(outcome_of, open_, [data] * len(open_)):
            outcomes.append(outcome)
            said = f"{outcome.target_mm:.2f} mm" if outcome.accepted else outcome.refusal
            if log is not None:
                with log.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps(asdict(outcome)) + "\n")
            print(
                f"{len(outcomes)}: {outcome.trial.family}, {outcome.trial.setting.level}: {said}",
                file=sys.stderr,
                flush=True,
            )
    return outcomes


def _kept(log: Path | None, wanted: Sequence[Trial]) -> list[Outcome]:
    """Return the outcomes of an earlier run that was stopped."""
    if log is None or not log.exists():
        return []
    kept = []
    for line in log.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        trial = said.pop("trial")
        setting = trial.pop("setting")
        setting["spacing_mm"] = tuple(setting["spacing_mm"])
        kept.append(Outcome(Trial(**trial, setting=Setting(**setting)), **said))
    return [one for one in kept if one.trial in wanted]


def tables(outcomes: Sequence[Outcome]) -> tuple[Table, ...]:
    """Return the target errors by family, the stated error's coverage, and the wrong levels."""
    right = [one for one in outcomes if one.trial.family in _FAMILIES]
    wrong = [one for one in outcomes if one.trial.family not in _FAMILIES]
    families = [*_FAMILIES, "all"]
    errors = tuple(_errors(name, [one for one in right if name in (one.trial.family, "all")]) for name in families)
    attempts = tuple(
        _attempts(name, [one for one in wrong if one.trial.family == name])
        for name in dict.fromkeys(one.trial.family for one in wrong)
    )
    return (
        Table(
            "Target error of the vertebra, mm, and the error stated beforehand",
            ("second image", "trials", "refused", "median", "95 %", "worst", "within stated", "wrong accepted", ""),
            errors,
        ),
        Table(
            "Attempts at a wrong level",
            ("attempt", "trials", "found the right one", "refused", "wrong accepted", ""),
            attempts,
        ),
    )


def _errors(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    accepted = [one for one in outcomes if one.accepted]
    target = np.array([one.target_mm for one in accepted] or [np.nan])
    covered = np.mean([one.target_mm <= one.stated_mm for one in accepted]) if accepted else np.nan
    wrong = sum(one.wrong for one in outcomes)
    return (
        name,
        f"{len(outcomes)}",
        f"{len(outcomes) - len(accepted)}",
        *(f"{value:.2f}" for value in (np.median(target), np.percentile(target, 95), target.max())),
        f"{100 * covered:.0f} %",
        f"{wrong}",
        verdict(bool(np.median(target) < GOAL_MM) and not wrong),
    )


def _attempts(name: str, outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    right = sum(one.accepted and not one.wrong for one in outcomes)
    wrong = sum(one.wrong for one in outcomes)
    refused = sum(not one.accepted for one in outcomes)
    return (name, f"{len(outcomes)}", f"{right}", f"{refused}", f"{wrong}", verdict(not wrong))


_TEXT = """
A vertebra registered to a second image with a known truth. The second images are made from the same CT: each vertebra
moved on its own, sampled by cubic splines on another grid, blurred, made noisy, rescaled, shaded, cut to a small field,
with a needle, screws and streaks. They show what noise, metal, fields and motion do, not what another day, another
scanner or a true cone-beam reconstruction does: two scans of one patient are not at hand.
"""
_PART = """
This page takes the first trials of each kind; `python -m validation.registration` takes all, and what it found stands
in [registration.md](registration.md).
"""


def chapter(data: Path | None) -> Chapter:
    """Return the chapter of the validation page: a few trials of each kind."""
    title = "Registration of one vertebra"
    if data is None:
        return Chapter(title, "METASPINE_TEST_DATA is not set: the shared CTs are not at hand, nothing was measured.")
    outcomes = measured(data, first_of_each(), processes=os.cpu_count() or 1)
    return Chapter(title, _TEXT + _PART, tables(outcomes))


def first_of_each() -> tuple[Trial, ...]:
    """Return the first two trials of each family and attempt."""
    taken: Counter[str] = Counter()
    chosen = []
    for trial in trials():
        taken[trial.family] += 1
        if taken[trial.family] <= _FEW:
            chosen.append(trial)
    return tuple(chosen)


def main() -> int:
    """Measure, print the tables, and return 1 where one falls short."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--every", type=int, default=1, help="only every n-th trial")
    parser.add_argument("--to", type=Path, help="outcomes, one JSON object a line; a stopped run goes on from it")
    asked = parser.parse_args()
    outcomes = measured(
        Path(os.environ["METASPINE_TEST_DATA"]), trials()[:: asked.every], processes=asked.processes, log=asked.to
    )
    found = Chapter("Registration of one vertebra", _TEXT, tables(outcomes))
    print(found.markdown())
    return 1 if found.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
