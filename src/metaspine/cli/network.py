"""The network's commands: ``listen`` and ``archive``. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaspine.cli.options import Authority, Certificate, Json, Key, Title

archive_app = typer.Typer(
    help="A hospital's archive, by DICOM's own network or DICOMweb. Needs the extra archive.", no_args_is_help=True
)
Address = Annotated[
    str, typer.Argument(help="TITLE@HOST:PORT, or the http(s) address of DICOMweb.", show_default=False)
]


def listen(
    *,
    port: Annotated[int, typer.Option("--port", help="The port to listen on.", min=1, max=65535)],
    into: Annotated[Path, typer.Option("--into", help="The folder to keep what comes in.", show_default=False)],
    ae_title: Title = "METASPINE",
    host: Annotated[str, typer.Option("--host", help="The address to listen on; 0.0.0.0: all.")] = "127.0.0.1",
    then: Annotated[str, typer.Option("--then", help="A command; the complete series' folder is added to it.")] = "",
    idle: Annotated[float, typer.Option("--idle", help="Complete after so many s of silence.", min=0.1)] = 5.0,
    certificate: Certificate = None,
    key: Key = None,
    authority: Authority = None,
) -> None:
    """Receive images by C-STORE, whole or not at all, and hand each complete series to a command."""
    from metaspine.cli.listen import TlsFiles, listen_command
    from metaspine.exchange.network.nodes import Node

    tls = TlsFiles(certificate, key, authority)
    listen_command(Node(ae_title, host, port), into, then=then, idle_s=idle, tls=tls)


@archive_app.command("echo")
def archive_echo(
    address: Address,
    ae_title: Title = "METASPINE",
    certificate: Certificate = None,
    key: Key = None,
    authority: Authority = None,
) -> None:
    """Ask whether the archive answers."""
    from metaspine.cli.archive import Archive, echo_command
    from metaspine.cli.listen import TlsFiles

    echo_command(Archive(address, ae_title, TlsFiles(certificate, key, authority)))


@archive_app.command("find")
def archive_find(
    address: Address,
    filters: Annotated[list[str] | None, typer.Argument(help="For example PatientID=4711 StudyDate=20260101-.")] = None,
    *,
    level: Annotated[str, typer.Option("--level", help="study or series.")] = "study",
    ae_title: Title = "METASPINE",
    certificate: Certificate = None,
    key: Key = None,
    authority: Authority = None,
    json_output: Json = False,
) -> None:
    """Search the archive for studies, or for the series of a study (StudyInstanceUID=...)."""
    from metaspine.cli.archive import Archive, find_command
    from metaspine.cli.listen import TlsFiles

    archive = Archive(address, ae_title, TlsFiles(certificate, key, authority))
    find_command(archive, filters or [], level=level, json_output=json_output)


@archive_app.command("send")
def archive_send(
    address: Address,
    paths: Annotated[list[Path], typer.Argument(help="DICOM files, or folders of them.", show_default=False)],
    *,
    ae_title: Title = "METASPINE",
    certificate: Certificate = None,
    key: Key = None,
    authority: Authority = None,
) -> None:
    """Send objects to the archive; an error where it does not keep all of them."""
    from metaspine.cli.archive import Archive, send_command
    from metaspine.cli.listen import TlsFiles

    send_command(Archive(address, ae_title, TlsFiles(certificate, key, authority)), paths)


@archive_app.command("get")
def archive_get(
    address: Address,
    *,
    study: Annotated[str, typer.Option("--study", help="The study's UID.", show_default=False)],
    series: Annotated[str, typer.Option("--series", help="One series' UID; the whole study unless stated.")] = "",
    into: Annotated[Path, typer.Option("--into", help="The folder to fetch into.", show_default=False)],
    move: Annotated[
        int | None, typer.Option("--move", help="By C-MOVE to this port of ours instead of C-GET.", show_default=False)
    ] = None,
    ae_title: Title = "METASPINE",
    certificate: Certificate = None,
    key: Key = None,
    authority: Authority = None,
) -> None:
    """Fetch a study or a series, each object whole or not at all."""
    from metaspine.cli.archive import Archive, get_command
    from metaspine.cli.listen import TlsFiles

    archive = Archive(address, ae_title, TlsFiles(certificate, key, authority))
    get_command(archive, into, study=study, series=series, move_port=move)
