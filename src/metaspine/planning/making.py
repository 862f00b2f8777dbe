"""From a scan and a case to a plan, step by step; whatever cannot be known or must not be done stops the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from metaspine.anatomy.bone import mask_of, vertebra_mask
from metaspine.anatomy.levels import check_level
from metaspine.anatomy.skin import patient_surface, skin_points
from metaspine.anatomy.vertebrae import describe_vertebra
from metaspine.assessment import assess
from metaspine.errors import CaseError, DeviceFileError
from metaspine.geometry import Volume
from metaspine.patient.case import Case
from metaspine.patient.levels import level as canonical_level
from metaspine.patient.plan import BlockedPath, Caution, Plan, Trajectory
from metaspine.patient.prescription import Prescription
from metaspine.patient.scan import Scan
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import LevelCheck, Vertebra
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.applicators import Applicator, Output
from metaspine.physics.calibration import read_calibration
from metaspine.planning.candidates import SearchTask
from metaspine.planning.cannula import cannula_cautions, refuse_covered_tip
from metaspine.planning.cautions import gravest_first, lesion_cautions, plan_cautions
from metaspine.planning.eligibility import cautions_or_refusal, eligibility_of, require_lesion
from metaspine.planning.isocentres import aim
from metaspine.planning.lesions import lesion_of
from metaspine.planning.limiting import Neural, neural_structures
from metaspine.planning.policy import PlanningPolicy, read_policy
from metaspine.planning.prescribing import prescribe
from metaspine.planning.questions import foreign_cautions
from metaspine.planning.surroundings import names_within, surroundings
from metaspine.planning.trajectories import search
from metaspine.running import Progress, silent
from metaspine.version import __version__

_NOT_COMPARED = "the serial number was not compared: state it as it stands on the source"


@dataclass(frozen=True, eq=False)
class Device:
    """The applicator as the policy uses it, and the output at hand."""

    applicator: Applicator
    output: Output


@dataclass(frozen=True, eq=False)
class Target:
    """The level, its vertebra, the lesion and what limits the dose to it."""

    level_check: LevelCheck
    vertebra: Vertebra
    lesion: Structure
    lesion_mask: Volume
    neural: Neural


def make_plan(
    scan: Scan,
    case: Case,
    *,
    level: str,
    applicator: str | Applicator = "intrabeam-needle",
    prescription: Prescription,
    lesion: str | Structure | None = None,
    calibration: Output | Path | str | None = None,
    policy: PlanningPolicy | Path | str | None = None,
    procedure: str = "stabilisation",
    level_confirmed_by: str = "",
    serial_number: str | None = None,
    progress: Progress = silent,
) -> Plan:
    """Return a plan for one level, one needle position.

    Parameters
    ----------
    scan, case
        The CT with its structures, and the patient.
    level
        As stated by the user; it is checked against the labels and against independent counts.
    applicator
        The name of one that ships, the path of an applicator file, or an applicator.
    prescription
        Dose, distance from a named origin or to the lesion's border, and the limit.
    lesion
        The structure of the lesion; None where the scan has one at the level.
    calibration
        The device's own output or its file; None plans with the nominal output, which is not for treatment.
    policy
        A centre's planning policy or its file; None is the project's.
    procedure
        "stabilisation" or "kyphoplasty".
    level_confirmed_by
        The person who counted the level on the images (LEVEL-01); without one the plan carries a stop.
    serial_number
        As it stands on the source; a calibration file of another is refused. None: the plan says it was not compared.
    progress
        Is told the step under way; it may raise Cancelled.

    Raises
    ------
    LevelError
        When the level is not labelled, or a count contradicts it.
    CaseError
        When the case has no lesion at the level.
    NotEligible
        When a rule excludes the procedure.
    StructureError
        When lesion or limiting structure cannot be used.
    NoTrajectory
        When no needle path exists, or the limit leaves no dose.
    DeviceFileError, PolicyError
        When a file cannot be used.
    """
    scan, name = scan.in_one_order(), canonical_level(level)
    lesion = lesion.in_one_order() if isinstance(lesion, Structure) else lesion
    rules = policy if isinstance(policy, PlanningPolicy) else read_policy(policy) if policy else PlanningPolicy()
    device = _device(applicator, calibration, rules, serial_number)
    progress("checking the level and the rules", 0.0)
    level_check = replace(check_level(scan, name), confirmed_by=level_confirmed_by)
    eligibility = _eligibility(case, name, procedure)
    target = _target(scan, level_check, lesion, prescription)
    progress("searching needle paths", 0.4)
    paths, blocked = _paths(scan, target, device, prescription, rules)
    progress("prescribing", 0.9)
    given = prescribe(
        prescription,
        paths[0],
        lesion=target.lesion_mask,
        limiting=target.neural.limiting,
        applicator=device.applicator,
        output=device.output,
    )
    own = plan_cautions(scan, paths[0], level_check, target.vertebra, device.applicator, device.output)
    own = (
        *own,
        *cannula_cautions(paths[0], device.applicator),
        *foreign_cautions(scan, paths[0].isocentre_mm),
    )
    cautions = (*own, *lesion_cautions(target.lesion), *eligibility, *target.neural.cautions, *given.cautions)
    progress("the plan is made", 1.0)
    return Plan(
        level=name,
        vertebra=target.vertebra,
        level_check=level_check,
        lesion=target.lesion,
        limiting_structure=target.neural.limiting,
        applicator=device.applicator,
        output=device.output,
        convention=prescription.convention,
        trajectory=paths[0],
        alternatives=paths[1:],
        blocked=blocked,
        prescription=given.applied,
        limit=given.limit,
        dwell=given.dwell,
        hand_check=given.hand_check,
        warnings=gravest_first(cautions),
        policy=rules.shown(),
        scan_sha256=scan.origin.sha256,
        metaspine_version=__version__,
    )


def _device(
    applicator: str | Applicator,
    calibration: Output | Path | str | None,
    policy: PlanningPolicy,
    serial_number: str | None,
) -> Device:
    found = read_applicator(applicator) if isinstance(applicator, str) else applicator
    if not found.through_bone:
        raise DeviceFileError(
            f"{found.title} is not made to pass through bone",
            where=found.name,
            remedy="Plan with a needle applicator, e.g. intrabeam-needle",
        )
    refuse_covered_tip(found)
    width = policy.working_channel_diameter_mm or found.channel.working_channel_diameter_mm
    sigma = found.tip_position_uncertainty_mm if policy.tip_uncertainty_mm is None else policy.tip_uncertainty_mm
    channel = replace(found.channel, working_channel_diameter_mm=width)
    used = replace(found, channel=channel, tip_position_uncertainty_mm=sigma)
    return Device(used, _output(used, calibration, serial_number))


def _output(applicator: Applicator, calibration: Output | Path | str | None, serial_number: str | None) -> Output:
    if isinstance(calibration, Path | str):
        found = read_calibration(calibration, applicator, today=datetime.now(UTC), serial_number=serial_number)
        return found if serial_number is not None else replace(found, cautions=(*found.cautions, _NOT_COMPARED))
    if serial_number is not None:
        raise DeviceFileError(
            f"the serial number {serial_number!r} was given without a calibration file to compare it with",
            where="serial number",
            remedy="Give the source's calibration file",
        )
    return applicator.nominal if calibration is None else calibration


def _eligibility(case: Case, level: str, procedure: str) -> tuple[Caution, ...]:
    require_lesion(case, level)
    advice = assess(case).of_level(level)
    if advice is None:
        raise CaseError(f"the assessment says nothing about {level}", where="case file", remedy="Check its lesions")
    eligibility_of(advice, procedure)
    return cautions_or_refusal(advice, procedure)


def _target(scan: Scan, level_check: LevelCheck, lesion: str | Structure | None, prescription: Prescription) -> Target:
    level = level_check.stated
    chosen = lesion_of(scan, level, lesion)
    vertebra = describe_vertebra(scan, level)
    neural = neural_structures(scan, vertebra, prescription.limit.structure)
    return Target(level_check, vertebra, chosen, mask_of(chosen, scan.image.grid), neural)


def _paths(
    scan: Scan, target: Target, device: Device, prescription: Prescription, policy: PlanningPolicy
) -> tuple[tuple[Trajectory, ...], tuple[BlockedPath, ...]]:
    vertebra, applicator = target.vertebra, device.applicator
    bone = vertebra_mask(scan, vertebra.level)
    aimed = aim(target.lesion_mask, target.neural.limiting, prescription, applicator=applicator, output=device.output)
    surface = patient_surface(scan)
    reach_mm = applicator.channel.working_channel_diameter_mm / 2 + policy.organ_clearance_mm
    task = SearchTask(
        vertebra=vertebra,
        around=surroundings(scan, vertebra, bone=bone, canal=target.neural.kept_clear),
        isocentres_mm=aimed.isocentres_mm(),
        coverage=aimed.coverage,
        skin_points=lambda points, outwards: skin_points(surface, points, outwards),
        applicator=applicator,
        policy=policy,
        near=lambda structures, ends: names_within(scan.image.grid, structures, ends, within_mm=reach_mm),
    )
    return search(task)
