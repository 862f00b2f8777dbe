"""What a reader must know before a plan is used, apart from its dose: output, level, path, image."""

from __future__ import annotations

from collections.abc import Iterable

from metaspine.patient.plan import Approach, Caution, Trajectory
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import LevelCheck, Vertebra
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.uncertainty import ONE_SIDED_95


def gravest_first(cautions: Iterable[Caution]) -> tuple[Caution, ...]:
    """Return the cautions with those that stop a treatment first, else in their order."""
    return tuple(sorted(cautions, key=lambda caution: not caution.stops))


def plan_cautions(
    scan: Scan,
    trajectory: Trajectory,
    level_check: LevelCheck,
    vertebra: Vertebra,
    applicator: Applicator,
    output: Output,
) -> tuple[Caution, ...]:
    """Return the cautions of device, level, path and image."""
    return (
        *_device(applicator, output),
        *_level(level_check),
        *_path(trajectory, vertebra),
        *_image(scan, vertebra),
    )


def _device(applicator: Applicator, output: Output) -> list[Caution]:
    found = []
    if not output.calibrated:
        found.append(
            Caution(
                "NOMINAL_OUTPUT",
                "nominal output, not for treatment: give the device's calibration",
                "PHY-12",
                stops=True,
            )
        )
    found.append(
        Caution(
            "DOSE_IN_WATER",
            "dose and time are those in water, as the device's console knows them; behind an intact bony wall the dose "
            "is overstated",
            "PLAN-19",
        )
    )
    if applicator.warnings:
        message = (
            f"{len(applicator.warnings)} of the applicator's figures are disputed, rounded or inferred (listed with "
            "its sources): measure your own"
        )
        found.append(Caution("APPLICATOR_FIGURES", message, "PHY-03"))
    return found + [Caution("CALIBRATION", text) for text in output.cautions]


def _level(check: LevelCheck) -> list[Caution]:
    if check.agrees is None:
        message = (
            f"{check.stated} is what was stated and labelled; no landmark in view lets the program count it: a person "
            "must count the level on an image that shows two landmarks"
        )
        return [Caution("LEVEL_NOT_COUNTED", message, "LEVEL-01", stops=not check.confirmed_by), *_confirmed(check)]
    doubts = [f"no count from the {count.landmark}: {count.reason}" for count in check.counts if not count.level]
    return [*_confirmed(check), *(Caution("LEVEL_DOUBT", text, "LEVEL-01") for text in (*doubts, *check.notes))]


def _confirmed(check: LevelCheck) -> list[Caution]:
    if check.confirmed_by:
        return [Caution("LEVEL_CONFIRMED", f"{check.stated} was confirmed by {check.confirmed_by}", "LEVEL-01")]
    if check.agrees is None:
        return []
    landmarks = " and ".join(count.landmark for count in check.counts if count.level)
    message = (
        f"{check.stated} agrees with its label and with the count from the {landmarks}; a person must confirm it "
        "before any needle or dose"
    )
    return [Caution("LEVEL_UNCONFIRMED", message, "LEVEL-01", stops=True)]


def lesion_cautions(lesion: Structure) -> tuple[Caution, ...]:
    """Return what stops a treatment of a lesion whose outline nobody has confirmed."""
    if lesion.confirmed:
        return ()
    message = f"the outline of {lesion.name} is {lesion.origin} and confirmed by nobody: a person must confirm it"
    return (Caution("LESION_UNCONFIRMED", message, "PLAN-17", stops=True),)


def _path(trajectory: Trajectory, vertebra: Vertebra) -> list[Caution]:
    found = []
    if trajectory.approach is not Approach.TRANSPEDICULAR:
        evidence = "PLAN-03" if trajectory.approach is Approach.TRANSPEDICULAR_TIGHT else "PLAN-07"
        message = f"the path is {trajectory.approach.value}: {'; '.join(trajectory.notes)}"
        found.append(Caution("CHANNEL_NOT_INSIDE_PEDICLE", message, evidence))
    if trajectory.canal_clearance_mm < ONE_SIDED_95 * vertebra.uncertainty_mm:
        message = (
            f"the channel's wall passes the canal at {trajectory.canal_clearance_mm:.1f} mm; the geometry is known to "
            f"{vertebra.uncertainty_mm:.1f} mm (1 SD), so a breach cannot be excluded on this image: navigate"
        )
        found.append(Caution("CANAL_CLEARANCE_UNCERTAIN", message, "PLAN-04"))
    if trajectory.depth_mm is None:
        message = "no skin is in view on the path: depth and the needle's reach are not determinable"
        found.append(Caution("DEPTH_NOT_DETERMINABLE", message, "PLAN-09", stops=True))
    return found


def _image(scan: Scan, vertebra: Vertebra) -> list[Caution]:
    found = []
    if not vertebra.complete:
        message = f"{vertebra.level} is cut by the field of view; what lies outside is not known"
        found.append(Caution("VERTEBRA_INCOMPLETE", message, stops=True))
    if scan.unreadable:
        names = ", ".join(name for name, _ in scan.unreadable)
        found.append(Caution("STRUCTURES_UNREADABLE", f"these structures could not be read: {names}"))
    return found
