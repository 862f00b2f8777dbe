"""The program's commands. Each imports what it needs when it runs, so that a short command starts fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from metaspine.cli.console import DISCLAIMER, messages, show_error
from metaspine.cli.exit_codes import ExitCode, exit_code
from metaspine.cli.network import archive_app, listen
from metaspine.cli.options import (
    BoardPolicyFile,
    CaseFile,
    Json,
    Labels,
    MadeOf,
    ScanPath,
    Series,
    Structures,
    Uncertainty,
)
from metaspine.cli.registering import register
from metaspine.errors import MetaspineError
from metaspine.version import __version__

EXIT_CODES = (
    "Exit codes: 0 done · 2 command line not understood · 3 refused (not eligible, wrong level, no trajectory, "
    "console time differs, some rows of a batch unusable) · "
    "4 input cannot be used · 5 output cannot be written · 130 stopped · 1 a defect of the program."
)

app = typer.Typer(
    name="metaspine",
    help=f"Assess, plan, irradiate and follow spinal metastases. {DISCLAIMER}",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    if version:
        typer.echo(f"metaspine {__version__}")
        raise typer.Exit


@app.command()
def assess(
    case: CaseFile,
    policy: BoardPolicyFile = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write the board's pages as a PDF.", show_default=False)
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Every rule that fired, and those that almost did.")] = False,
    what_if: Annotated[bool, typer.Option("--what-if", help="What each single changed fact would alter.")] = False,
    json_output: Json = False,
) -> None:
    """Assess a case for the tumour board: what first, options, scores, conflicts, what is open, with sources."""
    from metaspine.cli.assess import Beside, assess_command

    assess_command(case, policy=policy, to=to, beside=Beside(why=why, what_if=what_if), json_output=json_output)


@app.command()
def scores(
    name: Annotated[str | None, typer.Argument(help="For example tokuhashi_revised; none lists them all.")] = None,
    facts: Annotated[
        list[str] | None, typer.Argument(help="Facts, where there is no case file: patient.kps=80 sex=F.")
    ] = None,
    case: Annotated[Path | None, typer.Option("--case", help="The case file (YAML or JSON).")] = None,
    json_output: Json = False,
) -> None:
    """List the scores, explain one with its evidence, or compute it alone."""
    from metaspine.cli.scores import scores_command

    scores_command(name, facts or [], case, json_output)


@app.command()
def fhir(
    source: Annotated[Path, typer.Argument(help="A case file or a FHIR R4 bundle.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="Where to: .json is a FHIR bundle, .yaml a case file.")],
    advice: Annotated[bool, typer.Option("--advice", help="Write the advice instead of the case.")] = False,
    policy: Annotated[Path | None, typer.Option("--policy", help="The centre's policy (YAML), for --advice.")] = None,
) -> None:
    """Turn a case into a FHIR bundle (mCODE), a bundle into a case, or write the advice as FHIR."""
    from metaspine.cli.fhir import fhir_command

    fhir_command(source, to, advice=advice, policy=policy)


@app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=1, max=65535)] = 8000,
    policy: BoardPolicyFile = None,
) -> None:
    """Serve hospital systems: CDS Hooks 2.0 and assessments over HTTP. Needs the extra server."""
    from metaspine.cli.serve import serve_command

    serve_command(host, port, policy)


app.command()(listen)
app.add_typer(archive_app, name="archive")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the case file."""
    from metaspine.cli.assess import schema_command

    schema_command()


@app.command()
def evidence(
    identifier: Annotated[
        str | None, typer.Argument(help="For example IORT-06 or CONFLICT-SCLC.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Every entry on one page, as Markdown.")] = False,
) -> None:
    """Show what a statement rests on: its text, references and confidence; of a conflict every side."""
    from metaspine.cli.evidence import evidence_command

    evidence_command(identifier, markdown=markdown)


@app.command()
def policy(
    file: Annotated[
        Path | None, typer.Argument(help="A centre's policy file (YAML) to check.", show_default=False)
    ] = None,
) -> None:
    """Print a template of what a centre may choose where the sources conflict, or check a centre's file."""
    from metaspine.cli.policy import policy_command

    policy_command(file)


@app.command()
def batch(
    cases: Annotated[Path, typer.Argument(help="A CSV table, or a folder of case files.", show_default=False)],
    *,
    to: Annotated[Path, typer.Option("--to", help="The table to write (CSV).", show_default=False)],
    columns: Annotated[
        str | None, typer.Option("--columns", help="Which columns, with commas between; all unless stated.")
    ] = None,
    policy: Annotated[Path | None, typer.Option("--policy", help="The centre's policy file (YAML).")] = None,
    errors: Annotated[Path | None, typer.Option("--errors", help="A table of what could not be used (CSV).")] = None,
) -> None:
    """Assess many cases into one table, a row a lesion; what cannot be used is reported, and the rest is done.

    Ends with exit code 3 where some of the cases could not be used.
    """
    from metaspine.cli.batch import BatchRequest, batch_command

    raise typer.Exit(batch_command(BatchRequest(cases, to, columns, policy, errors)))


@app.command()
def rules(
    *,
    table: Annotated[
        str | None, typer.Option("--table", help="Only this table, e.g. noms.", show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Check that every rule has a ground; else exit 1.")] = False,
    json_output: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
) -> None:
    """List every rule of the assessment in words: when it fires, what it says, its weight and what it rests on."""
    from metaspine.cli.rules import check_command, rules_command

    if check:
        raise typer.Exit(check_command())
    rules_command(table, json_output=json_output, markdown=markdown)


@app.command()
def scan(
    path: Annotated[Path, typer.Argument(help="A DICOM folder or a NIfTI file.", show_default=False)],
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    json_output: Json = False,
) -> None:
    """Read a scan and say what is in it: geometry, structures, what was corrected, what could not be read."""
    from metaspine.cli.scan import scan_command

    scan_command(path, structures=structures or [], labels=labels, series=series, json_output=json_output)


@app.command()
def export(
    plan: Annotated[Path, typer.Argument(help="The folder that metaspine plan wrote.", show_default=False)],
    *,
    scan: ScanPath,
    to: Annotated[Path, typer.Option("--to", help="The folder to write the DICOM objects into.")],
    structures: Structures = None,
    labels: Labels = None,
    series: Series = None,
    applicator: Annotated[str | None, typer.Option("--applicator", help="Its file, where it is your own.")] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="The device's file, where it is not where the plan says.")
    ] = None,
    bits: Annotated[int, typer.Option("--bits", help="Of a dose value: 16 or 32.")] = 32,
) -> None:
    """Write a plan as DICOM: RTPLAN, RTSTRUCT, RTDOSE and its report, which refer to each other. Never approved."""
    from metaspine.cli.export import ExportRequest, export_command

    request = ExportRequest(
        plan=plan,
        scan=scan,
        structures=tuple(structures or ()),
        labels=labels,
        series=series,
        applicator=applicator,
        calibration=calibration,
        bits=bits,
        to=to,
    )
    export_command(request)


@app.command()
def deidentify(
    folder: Annotated[
        Path, typer.Argument(help="A folder of DICOM files, with anything below it.", show_default=False)
    ],
    to: Annotated[Path, typer.Option("--to", help="The folder to write into; outside the first.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", help="A file of random bytes that keeps several runs together.", show_default=False),
    ] = None,
) -> None:
    """Write DICOM objects without identity (PS3.15 basic profile); dates move together, pixels stay as they are."""
    from metaspine.cli.deidentify import deidentify_command

    deidentify_command(folder, to, key)


app.command()(register)


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


def main() -> None:
    """Run the program; every foreseen error ends in one message and a documented exit code."""
    try:
        app()
    except MetaspineError as error:
        show_error(error)
        sys.exit(exit_code(error))
    except SystemExit as ended:
        if ended.code == ExitCode.CANCELLED:
            messages.print("Stopped by you; nothing half-written was left.")
        raise
