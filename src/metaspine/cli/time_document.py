"""The treatment time as one JSON object for machines; keys carry their units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from metaspine.cli.console import DISCLAIMER
from metaspine.physics.applicators import DoseConvention, Output
from metaspine.physics.time_check import EVIDENCE, ConsoleComparison, TimeCheck, minutes_and_seconds
from metaspine.physics.uncertainty import EVIDENCE as UNCERTAINTY_EVIDENCE


def time_document(check: TimeCheck, comparison: ConsoleComparison | None, notes: Iterable[str]) -> dict[str, Any]:
    """Return the time, its ground, the doses around it and the comparison; an unknown is null."""
    sources = (*check.output.depth_dose.evidence, *UNCERTAINTY_EVIDENCE, *EVIDENCE)
    return {
        "disclaimer": DISCLAIMER,
        "time_s": check.time_s,
        "time": minutes_and_seconds(check.time_s),
        "dose_rate_gy_per_min": check.dose_rate_gy_per_min,
        "hand_check": check.hand_check,
        "calibrated": check.output.calibrated,
        "verdict": _verdict(comparison),
        "console": _console(comparison),
        "prescription": {
            "dose_gy": check.dose_gy,
            "depth_mm": check.depth_mm,
            "origin": str(check.origin),
            "from_isocentre_mm": check.from_isocentre_mm,
            "convention": str(DoseConvention.CONSOLE),
        },
        "output": _output(check.output),
        "applicator": {
            "name": check.applicator.name,
            "title": check.applicator.title,
            "tip_position_uncertainty_mm": check.applicator.tip_position_uncertainty_mm,
            "warnings": list(check.applicator.warnings),
        },
        "depths": [asdict(row) for row in check.depths],
        "source_in_place": asdict(check.in_place),
        "with_tip_position": asdict(check.with_tip),
        "tip_shifts": [asdict(shift) for shift in check.tip_shifts],
        "notes": list(notes),
        "evidence": sorted(set(sources)),
    }


def _verdict(comparison: ConsoleComparison | None) -> str:
    if comparison is None:
        return "not compared"
    return "agrees" if comparison.agrees else "differs"


def _console(comparison: ConsoleComparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {**asdict(comparison), "tolerance_evidence": ["TIME-01", "TIME-03"]}


def _output(output: Output) -> dict[str, Any]:
    low, high = output.depth_dose.valid_mm
    return {
        "description": output.description,
        "dose_definition": output.dose_definition,
        "source_path": output.source_path or None,
        "valid_from_isocentre_mm": [low, high],
        "evidence": list(output.depth_dose.evidence),
    }
