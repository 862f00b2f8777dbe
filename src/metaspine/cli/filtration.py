"""``metaspine filtration``: the effective filtration that a measured depth dose asks for, only when it is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import yaml
from rich.table import Table

from metaspine.cli.console import DISCLAIMER, progress_bar, results
from metaspine.dosimetry.filtration import Filtration, effective_filtration
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.calibration import read_calibration


def filtration_command(calibration: Path, applicator: str, serial: str | None, *, json_output: bool) -> None:
    """Fit the filtration and show how to state it in an applicator file; a table that none fits is refused."""
    device = read_applicator(applicator)
    output = read_calibration(calibration, device, today=datetime.now(UTC), serial_number=serial)
    with progress_bar() as progress:
        found = effective_filtration(device, output, progress=progress)
    if json_output:
        results.print_json(json.dumps(_document(found, output.description)))
    else:
        _show(found, output.description)


def _filters(found: Filtration) -> list[dict[str, object]]:
    """Return the filters as an applicator file states them."""
    return [
        {"material": each.material, "thickness_mm": each.thickness_mm, "evidence": each.evidence, "note": each.note}
        | ({"stands_for_wall": True} if each.stands_for_wall else {})
        for each in found.applicator.filters
    ]


def _show(found: Filtration, output: str) -> None:
    results.print(f"{output}: {found.sentence} (DOS-08)", markup=False)
    table = Table("mm from the isocentre", "engine over table", box=None, header_style="bold")
    for distance, deviation in zip(found.distance_mm, found.deviation, strict=True):
        table.add_row(f"{distance:.1f}", f"{deviation:+.1%}")
    results.print(table)
    lines = yaml.safe_dump({"filters": _filters(found)}, sort_keys=False, allow_unicode=True, width=100)
    results.print(f"In your applicator file, so that Monte Carlo uses it:\n\n{lines}", markup=False, soft_wrap=True)
    results.print(DISCLAIMER, style="dim")


def _document(found: Filtration, output: str) -> dict[str, object]:
    return {
        "disclaimer": DISCLAIMER,
        "applicator": found.applicator.name,
        "output": output,
        "aluminium_mm": found.thickness_mm,
        "within_3_percent_mm": list(found.range_mm) if found.range_mm else None,
        "largest_deviation": round(found.largest_deviation, 4),
        "distance_from_isocentre_mm": [round(float(value), 3) for value in found.distance_mm],
        "engine_over_table_less_one": [round(float(value), 4) for value in found.deviation],
        "evidence": "DOS-08",
        "filters": _filters(found),
    }
