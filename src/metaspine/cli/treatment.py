"""The treatment's commands: ``plan``, ``dose``, ``time``, ``filtration``. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaspine.cli.options import CaseFile, Json, Labels, MadeOf, ScanPath, Series, Structures, Uncertainty


def plan(
    case: CaseFile,
    *,
    scan: ScanPath,
    level: Annotated[str, typer.Option("--level", help="The vertebra to treat, as the surgeon states it, e.g. T12.")],
    to: Annotated[Path, typer.Option("--to", help="The folder to write the report and its files into.")],
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    dose: Annotated[float, typer.Option("--dose", help="Prescribed dose in Gy.")] = 8.0,
    depth: Annotated[float | None, typer.Option("--depth", help="Prescription distance in mm from --origin.")] = None,
    origin: Annotated[
        str, typer.Option("--origin", help="isocentre, applicator_surface or applicator_tip.")
    ] = "isocentre",
    limit: Annotated[
        str, typer.Option("--limit", help="The structure to spare: a structure's name, or its role.")
    ] = "spinal cord",
    limit_dose: Annotated[float, typer.Option("--limit-dose", help="Its ceiling in Gy (IORT-20).")] = 8.0,
    lesion: Annotated[str | None, typer.Option("--lesion", help="The lesion's name, where there are several.")] = None,
    applicator: Annotated[str, typer.Option("--applicator", help="Name or file of the applicator.")] = (
        "intrabeam-needle"
    ),
    calibration: Annotated[Path | None, typer.Option("--calibration", help="The device's calibration file.")] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="Serial number of the source at hand.")] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="The centre's planning policy (YAML).")] = None,
    procedure: Annotated[str, typer.Option("--procedure", help="stabilisation or kyphoplasty.")] = "stabilisation",
    level_confirmed_by: Annotated[
        str, typer.Option("--level-confirmed-by", help="Who counted the level on the images (LEVEL-01).")
    ] = "",
    monte_carlo: Annotated[
        bool, typer.Option("--monte-carlo", help="Monte Carlo dose too, beside the console's in the report.")
    ] = False,
    uncertainty: Uncertainty = 1.0,
    made_of: MadeOf = None,
    treat_by_monte_carlo: Annotated[
        str | None,
        typer.Option(
            "--treat-by-monte-carlo",
            help="OVERRIDE: treat longer than the console's plan, because Monte Carlo asks for it. Give the reason.",
            show_default=False,
        ),
    ] = None,
    responsible: Annotated[str, typer.Option("--responsible", help="Who answers for that override.")] = "",
    json_output: Json = False,
) -> None:
    """Plan the needle through a pedicle, compute dose and time, check the limit, write the report.

    Without --depth the dose is prescribed to the lesion's border. Monte Carlo dose changes no time unless a person
    says so with --treat-by-monte-carlo and --responsible.
    """
    from metaspine.cli.plan import PlanRequest, plan_command

    request = PlanRequest(
        case=case,
        scan=scan,
        structures=tuple(structures or ()),
        labels=labels,
        series=series,
        level=level,
        dose_gy=dose,
        depth_mm=depth,
        origin=origin,
        limit=limit,
        limit_gy=limit_dose,
        lesion=lesion,
        applicator=applicator,
        calibration=calibration,
        serial=serial,
        policy=policy,
        procedure=procedure,
        level_confirmed_by=level_confirmed_by,
        monte_carlo=monte_carlo,
        uncertainty_percent=uncertainty,
        made_of=tuple(made_of or ()),
        override_reason=treat_by_monte_carlo,
        responsible=responsible,
        to=to,
    )
    plan_command(request, json_output=json_output)


def dose(
    plan: Annotated[
        Path, typer.Argument(help="The folder that metaspine plan wrote, or its plan.json.", show_default=False)
    ],
    *,
    scan: ScanPath,
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    uncertainty: Uncertainty = 1.0,
    at: Annotated[
        float | None, typer.Option("--at", help="Where: a distance in mm from the isocentre; 15 unless stated.")
    ] = None,
    structure: Annotated[
        str | None,
        typer.Option("--in", help="Where: in a structure, the 0.03 cm³ that get most by the console's dose."),
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="All of that structure inside the dose grid.")] = False,
    histories: Annotated[int | None, typer.Option("--histories", help="Stop after so many primary rays.")] = None,
    time_limit: Annotated[float | None, typer.Option("--time-limit", help="Stop after so many s.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the random numbers.")] = 1,
    device: Annotated[
        str, typer.Option("--device", help="auto (a GPU where there is one), cpu or gpu (needs the gpu extra).")
    ] = "auto",
    spacing: Annotated[float, typer.Option("--spacing", help="The dose grid's voxels in mm.")] = 1.0,
    reach: Annotated[
        float, typer.Option("--reach", help="How far the dose grid reaches from the isocentre, mm.")
    ] = 40.0,
    curve: Annotated[str | None, typer.Option("--curve", help="The scanner's CT curve (YAML).")] = None,
    made_of: MadeOf = None,
    applicator: Annotated[str | None, typer.Option("--applicator", help="Its file, where it is your own.")] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="The device's file, where it is not where the plan says.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run was stopped (Ctrl-C, or worse).")] = False,
    to: Annotated[Path | None, typer.Option("--to", help="Another folder than the plan's for the results.")] = None,
    json_output: Json = False,
) -> None:
    """Compute Monte Carlo dose in the patient's own tissues beside a plan's console dose, and check it independently.

    It never changes the plan or its time. Stopped with Ctrl-C, it goes on with --resume, with the same bits.
    """
    from metaspine.cli.dose import DoseRequest, dose_command

    request = DoseRequest(
        plan=plan,
        scan=scan,
        structures=tuple(structures or ()),
        labels=labels,
        series=series,
        uncertainty_percent=uncertainty,
        distance_mm=at,
        structure=structure,
        whole=whole,
        histories=histories,
        time_limit_s=time_limit,
        seed=seed,
        device=device,
        spacing_mm=spacing,
        reach_mm=reach,
        curve=curve,
        made_of=tuple(made_of or ()),
        applicator=applicator,
        calibration=calibration,
        resume=resume,
        to=to,
    )
    dose_command(request, json_output=json_output)


def time(
    *,
    dose: Annotated[float, typer.Option("--dose", help="Prescribed dose in Gy.", show_default=False)],
    depth: Annotated[float, typer.Option("--depth", help="Distance in mm from --origin.", show_default=False)],
    origin: Annotated[
        str,
        typer.Option("--origin", help="isocentre, applicator_surface or applicator_tip.", show_default=False),
    ],
    applicator: Annotated[str, typer.Option("--applicator", help="Name or file of the applicator.")] = (
        "intrabeam-needle"
    ),
    calibration: Annotated[Path | None, typer.Option("--calibration", help="The device's calibration file.")] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="Serial number of the source at hand.")] = None,
    console_time: Annotated[
        str | None, typer.Option("--console-time", help="What the console shows: 6:42, 402s or 6.7min.")
    ] = None,
    tolerance: Annotated[float, typer.Option("--tolerance", help="Tolerance in % of the time (TIME-01).")] = 5.0,
    at: Annotated[
        list[float] | None,
        typer.Option("--at", help="A further distance in mm from --origin for the table.", show_default=False),
    ] = None,
    json_output: Json = False,
) -> None:
    """Compute the treatment time without any image, and compare it with the console's.

    Without --calibration it is the nominal output, not for treatment.
    """
    from metaspine.cli.time import TimeRequest, time_command

    request = TimeRequest(
        dose_gy=dose,
        depth_mm=depth,
        origin=origin,
        further_mm=tuple(at or ()),
        applicator=applicator,
        calibration=calibration,
        serial=serial,
        console_time=console_time,
        tolerance_percent=tolerance,
    )
    time_command(request, json_output=json_output)


def filtration(
    calibration: Annotated[Path, typer.Argument(help="The device's calibration file.", show_default=False)],
    applicator: Annotated[str, typer.Option("--applicator", help="Name or file of the applicator.")] = (
        "intrabeam-needle"
    ),
    serial: Annotated[str | None, typer.Option("--serial", help="Serial number of the source at hand.")] = None,
    json_output: Json = False,
) -> None:
    """Find the effective filtration with which Monte Carlo has the shape of your measured depth dose in water.

    It changes nothing: it prints the lines for your applicator file, or says that no filtration fits within 3 %.
    """
    from metaspine.cli.filtration import filtration_command

    filtration_command(calibration, applicator, serial, json_output=json_output)
