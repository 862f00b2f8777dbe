"""The last pages: what everything rests on. Whatever evidence id a page prints is explained here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import PurePath
from platform import python_version

from metaspine.evidence import Confidence, Entry, bibliography, entries
from metaspine.patient.dose import Dose
from metaspine.patient.plan import Plan
from metaspine.patient.scan import Scan
from metaspine.reports.blocks import Annex, Fact, Facts, Page, Source
from metaspine.reports.citations import cited_in
from metaspine.reports.wording import UNKNOWN, known, listed, quantity
from metaspine.version import __version__

CONFIDENCE_WORDS = {
    Confidence.STATED: "stated in one of the source papers",
    Confidence.VERIFIED: "verified in a copy of the primary publication",
    Confidence.FOUND: "found in a text that was read, often only the abstract",
    Confidence.RECALLED_HIGH: "recalled from the original publication, a textbook definition",
    Confidence.RECALLED_MEDIUM: "recalled; check before clinical use",
    Confidence.RECALLED_LOW: "recalled and doubtful",
    Confidence.COMPUTED: "inferred or computed by the project",
    Confidence.CONVENTION: "a convention of the project where the sources are silent or in conflict",
}


def provenance_pages(pages: Sequence[Page], origins: Facts, *, annex_follows: bool = False) -> tuple[Page, Page]:
    """Return the page of origins, and the annex of every entry and reference that any page cites."""
    provenance = Page("Provenance", (origins,), follows=True)
    sources = annex(cited_entries([*pages, provenance]))
    return provenance, Page("Evidence and references", (sources,), follows=annex_follows)


def cited_entries(pages: Sequence[object]) -> tuple[Entry, ...]:
    """Return the evidence entries whose ids stand anywhere in the pages' words, by id."""
    known_entries = entries()
    found = {name for page in pages for text in _words(page) for name in cited_in(text)}
    return tuple(known_entries[name] for name in sorted(found, key=_natural))


def annex(cited: Sequence[Entry]) -> Annex:
    """Return what each cited id says and how far it can be trusted, then the full citation of every source it names."""
    names = sorted({name for entry in cited for name in entry.references}, key=_natural)
    legend = "; ".join(f"{level.value} {words}" for level, words in CONFIDENCE_WORDS.items())
    return Annex(
        (
            ("Evidence", tuple(Source(entry.id, _statement(entry), _grounds(entry)) for entry in cited)),
            ("References", tuple(Source(name, _citation(name)) for name in names)),
        ),
        caption=f"Confidence: {legend}. The command “metaspine evidence ID” shows an entry with its notes.",
    )


def plan_origins(plan: Plan, scan: Scan, dose: Dose, *, further: tuple[Fact, ...] = ()) -> Facts:
    """Return what the plan was computed from, with hashes and versions."""
    return Facts(
        "What this was computed from",
        (
            *scan_facts(scan),
            Fact("Applicator", f"{plan.applicator.title} ({plan.applicator.name})", _cited(plan.applicator.evidence)),
            *_doubtful_figures(plan),
            Fact("Working channel", "from the applicator's file", _cited(plan.applicator.channel.evidence)),
            Fact(
                "Output",
                known(plan.output.description),
                f"{_file(plan.output.source_path)}; {_cited(plan.output.depth_dose.evidence)}",
            ),
            engine_fact(dose),
            *further,
            versions(plan.metaspine_version),
        ),
    )


def engine_fact(dose: Dose) -> Fact:
    """Return what made a dose, so that it can be made again."""
    made = dose.provenance
    return Fact(
        "Dose engine",
        f"{made.engine}, version {known(made.engine_version)}",
        f"{dose.convention.value}; dose to {known(dose.medium)}; seed "
        f"{_whole(made.seed)}; histories {_whole(made.histories)}; scan {_short(made.scan_sha256)}",
    )


def _doubtful_figures(plan: Plan) -> tuple[Fact, ...]:
    doubts = plan.applicator.warnings
    if not doubts:
        return ()
    return (Fact("Doubtful figures", f"{len(doubts)} disputed, rounded or inferred", "; ".join(doubts)),)


def scan_facts(scan: Scan) -> tuple[Fact, ...]:
    """Return where the image and its structures came from; only file names are shown, not the folders they lay in."""
    origin, grid = scan.origin, scan.image.grid
    tube = quantity(origin.tube_voltage_kv, "kV", 0, reason="the file does not say")
    spacing = " × ".join(f"{value:.3g}" for value in grid.spacing_mm)
    facts = [
        Fact(
            "Scan",
            f"{_file(origin.path)} ({known(origin.modality)}), {spacing} mm voxels",
            f"SHA-256 {known(origin.sha256)}",
        ),
        Fact(
            "Series",
            known(origin.series_uid, "series UID unknown"),
            f"patient position {known(origin.patient_position)}; tube {tube}; "
            f"kernel {known(origin.convolution_kernel)}; frame of reference {scan.frame_of_reference}",
        ),
    ]
    if scan.notes:
        facts.append(Fact("Notes of the reader", scan.notes[0], "; ".join(scan.notes[1:])))
    facts += [Fact("NOT READ", name, reason, alarm=True) for name, reason in scan.unreadable]
    return tuple(facts)


def versions(planned_with: str = __version__) -> Fact:
    """Return the versions of the programs that made the numbers and the pages."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba", "matplotlib", "typst"))
    return Fact(
        "Programs", f"metaspine {planned_with} (report {__version__})", f"Python {python_version()}, {libraries}"
    )


def _words(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _words(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _words(getattr(value, field.name))


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _statement(entry: Entry) -> str:
    return f"{entry.statement} Conflict {entry.conflict}." if entry.conflict else entry.statement


def _grounds(entry: Entry) -> str:
    return f"{listed(entry.references)};\u00a0{entry.confidence.value}"


def _citation(name: str) -> str:
    reference = bibliography()[name]
    return " ".join(part for part in (reference.citation, reference.identifier) if part)


def _cited(identifiers: tuple[str, ...]) -> str:
    return f"evidence {listed(identifiers)}"


def _file(path: str) -> str:
    return known(PurePath(path).name if path else "", "file unknown")


def _whole(number: int | None) -> str:
    return "not applicable" if number is None else str(number)


def _short(digest: str) -> str:
    return digest[:12] or UNKNOWN
