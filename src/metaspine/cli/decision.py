"""The tumour board's commands: from ``assess`` to ``rules``. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaspine.cli.options import BoardPolicyFile, CaseFile, Json


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


def fhir(
    source: Annotated[Path, typer.Argument(help="A case file or a FHIR R4 bundle.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="Where to: .json is a FHIR bundle, .yaml a case file.")],
    advice: Annotated[bool, typer.Option("--advice", help="Write the advice instead of the case.")] = False,
    policy: Annotated[Path | None, typer.Option("--policy", help="The centre's policy (YAML), for --advice.")] = None,
) -> None:
    """Turn a case into a FHIR bundle (mCODE), a bundle into a case, or write the advice as FHIR."""
    from metaspine.cli.fhir import fhir_command

    fhir_command(source, to, advice=advice, policy=policy)


def serve(
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=1, max=65535)] = 8000,
    policy: BoardPolicyFile = None,
) -> None:
    """Serve hospital systems: CDS Hooks 2.0 and assessments over HTTP. Needs the extra server."""
    from metaspine.cli.serve import serve_command

    serve_command(host, port, policy)


def schema() -> None:
    """Print the JSON Schema of the case file."""
    from metaspine.cli.assess import schema_command

    schema_command()


def evidence(
    identifier: Annotated[
        str | None, typer.Argument(help="For example IORT-06 or CONFLICT-SCLC.", show_default=False)
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Every entry on one page, as Markdown.")] = False,
) -> None:
    """Show what a statement rests on: its text, references and confidence; of a conflict every side."""
    from metaspine.cli.evidence import evidence_command

    evidence_command(identifier, markdown=markdown)


def policy(
    file: Annotated[
        Path | None, typer.Argument(help="A centre's policy file (YAML) to check.", show_default=False)
    ] = None,
) -> None:
    """Print a template of what a centre may choose where the sources conflict, or check a centre's file."""
    from metaspine.cli.policy import policy_command

    policy_command(file)


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
