"""The dose-volume histograms as CSV, with the conventions they were made by."""

from __future__ import annotations

import csv
from io import StringIO

from metaspine.evaluation.evaluate import Evaluation, StructureDose
from metaspine.version import __version__

COLUMNS = ("structure", "dose_gy", "volume_cc", "volume_fraction")


def histogram_csv(result: Evaluation) -> str:
    """Return every structure's cumulative histogram; lines that begin with # say what the numbers mean."""
    sheet = StringIO()
    for line in _conventions(result):
        sheet.write(f"# {' '.join(line.split())}\n")
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(COLUMNS)
    for structure in result.structures:
        writer.writerows(_rows(structure))
    return sheet.getvalue()


def _conventions(result: Evaluation) -> list[str]:
    return [
        f"metaspine {__version__}: cumulative dose-volume histograms; decision support for research",
        f"{result.convention.value}; engine {result.engine}; dose to {result.medium}",
        "volume_cc, volume_fraction: volume that gets at least dose_gy; a fraction of 1 is the structure without its "
        "part inside the applicator, where no dose is defined",
        "volume outside the dose grid counts as getting less than every dose listed",
        f"evidence: {', '.join(result.evidence)}",
        *result.notes,
        *(f"{found.structure}: {'; '.join((found.convention, *found.notes))}" for found in result.structures),
        *(f"not evaluated: {name}: {reason}" for name, reason in result.left_out),
    ]


def _rows(found: StructureDose) -> list[tuple[str, str, str, str]]:
    whole_cc = found.volume_cc - found.in_applicator_cc
    return [
        (found.structure, f"{dose:.5g}", f"{fraction * whole_cc:.5g}", f"{fraction:.6g}")
        for dose, fraction in zip(found.curve.dose_gy, found.curve.volume_fraction, strict=True)
    ]
