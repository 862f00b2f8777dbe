"""Make the source spectra in src/metaspine/physics/data/spectra with SpekPy's gold transmission target.

SpekPy is not a dependency of metaspine: run this once, in an environment of its own that has spekpy and pyyaml.

    python scripts/make_spectrum.py

Each file holds the parameters, SpekPy's version, the bins, and a SHA-256 over the numbers, which metaspine checks.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import spekpy

FOLDER = Path(__file__).parent.parent / "src" / "metaspine" / "physics" / "data" / "spectra"
GOLD_UM = 1.0
BERYLLIUM_MM = 0.5
BIN_KEV = 0.1
FIRST_KEV = 1.0
DISTANCE_CM = 100.0


def numbers(fractions: list[str]) -> str:
    """Return the text that the hash is taken over: one number a line."""
    return "".join(f"{fraction}\n" for fraction in fractions)


def document(tube_voltage_kv: int) -> str:
    """Return the file of one tube voltage."""
    beam = spekpy.Spek(kvp=tube_voltage_kv, targ="Au", trans=True, thick=GOLD_UM, dk=BIN_KEV, z=DISTANCE_CM)
    beam.filter("Be", BERYLLIUM_MM)
    energy, per_kev = beam.get_spectrum(edges=False, diff=True)
    if abs(energy[0] - FIRST_KEV - BIN_KEV / 2) > 1e-6:
        raise SystemExit(
            f"SpekPy's first bin lies at {energy[0]} keV, not at {FIRST_KEV + BIN_KEV / 2}: adapt FIRST_KEV"
        )
    fluence = per_kev * BIN_KEV
    fractions = [f"{value:.6e}" for value in fluence / fluence.sum()]
    rows = [fractions[start : start + 8] for start in range(0, len(fractions), 8)]
    return "\n".join(
        [
            f"# The spectrum of a {tube_voltage_kv} kV gold transmission target behind its beryllium window.",
            "# Made by scripts/make_spectrum.py; not measured. Generic: no device's own spectrum.",
            "metaspine_spectrum: 1",
            f"name: gold-{tube_voltage_kv}kv",
            f"title: {tube_voltage_kv} kV on {GOLD_UM:g} um gold (transmission), {BERYLLIUM_MM:g} mm beryllium",
            f"tube_voltage_kv: {tube_voltage_kv}",
            "made_by:",
            "  program: SpekPy",
            f"  version: {spekpy.__version__}",
            "  target: gold",
            f"  target_um: {GOLD_UM:g}",
            "  geometry: transmission, along the electron beam",
            f"  physics: {beam.state.model_parameters.physics}",
            f"  attenuation_data: {beam.state.model_parameters.mu_data_source}",
            f"  beryllium_mm: {BERYLLIUM_MM:g}",
            "evidence: SRC-01",
            "photons_per_cm2_per_mas_at_100_cm: " + f"{fluence.sum():.6e}",
            f"first_edge_kev: {FIRST_KEV:g}",
            f"bin_kev: {BIN_KEV:g}",
            f"sha256: {hashlib.sha256(numbers(fractions).encode()).hexdigest()}",
            "photons_per_bin: [",
            *("  " + ", ".join(row) + "," for row in rows),
            "]",
            "",
        ]
    )


def main() -> None:
    """Write the files of 40 and 50 kV."""
    for tube_voltage_kv in (40, 50):
        path = FOLDER / f"gold-{tube_voltage_kv}kv.yaml"
        path.write_text(document(tube_voltage_kv), encoding="utf-8")


if __name__ == "__main__":
    main()
