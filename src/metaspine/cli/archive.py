"""``metaspine archive``: a hospital's archive, by DICOM's own network or by DICOMweb."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.markup import escape

from metaspine.cli.console import messages, results
from metaspine.cli.listen import TlsFiles
from metaspine.errors import InputError, NetworkError, OutputError
from metaspine.exchange.network import dicomweb, dimse
from metaspine.exchange.network.completeness import Counted, counted
from metaspine.exchange.network.dealings import SERIES, STUDY, Caller, Match, Retrieved, dicom_files
from metaspine.exchange.network.nodes import node_of
from metaspine.exchange.network.spool import Spool


@dataclass(frozen=True)
class Archive:
    """Whom to speak with, and as whom."""

    address: str
    title: str
    tls: TlsFiles

    def caller(self) -> Caller:
        """Return who calls."""
        return Caller(self.title, self.tls.certificates())


def echo_command(archive: Archive) -> None:
    """Say that the archive answers; an error else."""
    if dicomweb.is_address(archive.address):
        dicomweb.find(archive.address, STUDY, {"StudyInstanceUID": "1"}, archive.tls.certificates())
    else:
        dimse.echo(node_of(archive.address), archive.caller())
    results.print(f"{archive.address} answers.", markup=False, highlight=False)


def find_command(archive: Archive, filters: Sequence[str], *, level: str, json_output: bool) -> None:
    """Print what the archive finds."""
    wanted = dict(_filter(text) for text in filters)
    place = _level(level)
    if dicomweb.is_address(archive.address):
        matches = dicomweb.find(archive.address, place, wanted, archive.tls.certificates())
    else:
        matches = dimse.find(node_of(archive.address), archive.caller(), place, wanted)
    if json_output:
        results.print_json(json.dumps(matches))
        return
    for match in matches:
        line = "  ".join(f"[dim]{keyword}[/] {escape(value)}" for keyword, value in match.items() if value)
        results.print(line, highlight=False, soft_wrap=True, markup=True)
    messages.print(f"{len(matches)} found", highlight=False)


def send_command(archive: Archive, paths: Sequence[Path]) -> None:
    """Send files, and say of each that was not kept why.

    Raises
    ------
    NetworkError
        When the archive did not keep all of them.
    """
    files = dicom_files(paths)
    if dicomweb.is_address(archive.address):
        sent = dicomweb.send(files, archive.address, archive.tls.certificates())
    else:
        sent = dimse.send(files, node_of(archive.address), archive.caller())
    for note in (*sent.notes, *(f"{path}: {reason}" for path, reason in sent.refused)):
        messages.print(note, markup=False, highlight=False, soft_wrap=True)
    if sent.refused:
        raise NetworkError(
            f"kept {len(sent.stored)} of {len(files)} objects",
            where=archive.address,
            remedy="The lines above say why; what it kept need not be sent again",
        )
    results.print(f"{len(sent.stored)} objects stored in {archive.address}.", markup=False, highlight=False)


def get_command(archive: Archive, into: Path, *, study: str, series: str, move_port: int | None) -> None:
    """Fetch a study or a series into a folder, each object whole or not at all, and compare with what the archive has.

    Raises
    ------
    NetworkError
        When the archive has nothing of it, did not send all, or sent fewer objects than it says it has.
    OutputError
        When the disk is full or fails.
    """
    try:
        with Spool(into) as spool:
            found = _fetched(archive, spool, study=study, series=series, move_port=move_port)
            came = Counter(path.parent.name for path in set(found.paths))
            count = counted(came, _held(archive, study=study, series=series) if found.paths else ())
            for name in count.lacking:
                spool.begin(name)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error})", where=str(into), remedy="Give it a disk with space"
        ) from error
    for note in found.notes:
        messages.print(note, markup=False, highlight=False, soft_wrap=True)
    if found.failed or not found.paths:
        raise NetworkError(
            f"sent {len(found.paths)} objects, and {found.failed} failed",
            where=archive.address,
            remedy="Check the UIDs; fetch again: what is there already is kept once",
        )
    _show(came, count, archive.address, into)


def _show(came: Mapping[str, int], count: Counted, address: str, into: Path) -> None:
    """Say what came of each series; an error where the archive has more of one."""
    for name in sorted(came):
        results.print(f"{came[name]} objects in {into / name}", markup=False, highlight=False, soft_wrap=True)
    for name in count.unknown:
        said = f"Whether series {name} is complete is not known: the archive does not say how many objects it has."
        messages.print(said, markup=False, highlight=False, soft_wrap=True)
    if count.lacking:
        parts = (f"{some} of the {every} objects of series {name}" for name, (some, every) in count.lacking.items())
        raise NetworkError(
            f"sent {'; '.join(parts)}", where=address, remedy="Fetch again: what is there already is kept once"
        )


def _fetched(archive: Archive, spool: Spool, *, study: str, series: str, move_port: int | None) -> Retrieved:
    if dicomweb.is_address(archive.address):
        return dicomweb.get(archive.address, spool, study=study, series=series, certificates=archive.tls.certificates())
    node = node_of(archive.address)
    if move_port is None:
        return dimse.get(node, archive.caller(), spool, study=study, series=series)
    return dimse.move(node, archive.caller(), spool, move_port, study=study, series=series)


def _held(archive: Archive, *, study: str, series: str) -> tuple[Match, ...]:
    """Return what the archive says of the series that were asked for; nothing where it does not search."""
    wanted = {"StudyInstanceUID": study} | ({"SeriesInstanceUID": series} if series else {})
    try:
        if dicomweb.is_address(archive.address):
            matches = dicomweb.find(archive.address, SERIES, wanted, archive.tls.certificates())
        else:
            matches = dimse.find(node_of(archive.address), archive.caller(), SERIES, wanted)
    except NetworkError:
        return ()
    return tuple(match for match in matches if series in ("", match["SeriesInstanceUID"]))


def _filter(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    if not equals:
        raise InputError(
            f"{text!r} is no search by a value", where="archive find", remedy="Write it like PatientID=4711"
        )
    return keyword, value


def _level(text: str) -> str:
    if text.upper() not in (STUDY, SERIES):
        raise InputError(f"there is no level {text!r}", where="archive find", remedy="Choose study or series")
    return text.upper()
