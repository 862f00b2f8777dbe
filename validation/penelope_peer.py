"""PENELOPE's kerma in the cases of validation/penelope_cases.py; run on its own, never imported by metaspine.

pyPenred (PENELOPE-2018) is AGPL-3: it is no dependency, and only its results are kept. They were made with 1.15.2 by

    python -m venv PEER && PEER/bin/pip install pyPenred==1.15.2 numpy
    .venv/bin/python -m validation.penelope_cases CASES
    cd EMPTY && PEER/bin/python .../validation/penelope_peer.py CASES .../validation/data/penelope
"""

from __future__ import annotations

import csv
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

RUNS, HISTORIES = 10, 2_000_000
EFFICIENCY_RUNS = 4
ENERGIES_KEV = (0.99, 1.4, 2, 2.6, 3.3, 4.5, 6, 8, 10, 12, 14.5, 17.5, 21, 25, 30, 36, 43, 52)
EDGES_KEV = {15: 2.1455, 16: 2.472, 20: 4.0381, 22: 4.9664}
"""K edges of phosphorus, sulphur, calcium and titanium."""
AROUND_EDGE = (0.92, 0.97, 0.999, 1.001, 1.03, 1.08)
GRAY_PER_EV_PER_G = 1.602176634e-16
GRAM_PER_MOL = {
    1: 1.008,
    6: 12.011,
    7: 14.007,
    8: 15.999,
    11: 22.990,
    12: 24.305,
    15: 30.974,
    16: 32.06,
    17: 35.45,
    18: 39.948,
    19: 39.098,
    20: 40.078,
    22: 47.867,
    26: 55.845,
    53: 126.904,
}
AVOGADRO = 6.02214076e23


def main(folder: Path, results: Path) -> None:
    """Run all cases; write regions.csv and coefficients.csv."""
    penred = importlib.import_module("pyPenred").simulation
    penred.setConfigurationLog("configuration.log")
    penred.setSimulationLog("simulation.log")
    results.mkdir(parents=True, exist_ok=True)
    coefficients: dict[str, list[tuple[float, ...]]] = {}
    rows = []
    for path in sorted(folder.glob("*.npz")):
        case: dict[str, Any] = dict(np.load(path))
        prepare(penred, case, coefficients)
        rows += region_rows(penred, case)
        print(path.name, case["name"], flush=True)
    _write(results / "regions.csv", ("case", "mark", "region", "kerma_gy", "error_gy"), rows)
    header = ("material", "energy_kev", "coherent_cm2_g", "incoherent_cm2_g", "photoelectric_cm2_g")
    _write(
        results / "coefficients.csv", header, [(name, *row) for name, found in coefficients.items() for row in found]
    )


def _write(path: Path, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([header, *rows])


def prepare(penred: Any, case: dict[str, Any], coefficients: dict[str, list[tuple[float, ...]]]) -> None:
    """Write the files of materials, voxels and spectrum that a run reads from the working folder."""
    for name, density, fractions in zip(case["material_names"], case["densities"], case["fractions"], strict=True):
        if name not in coefficients:
            _material(penred, str(name), float(density), fractions)
            coefficients[str(name)] = _coefficients(Path(f"{name}.mat"))
    side = case["voxels"].shape[0]
    with Path("voxels.txt").open("w", encoding="utf-8") as file:
        file.write(f"{side} {side} {side}\n0.1 0.1 0.1\n")
        file.writelines(f"{number + 1} 1.0\n" for number in case["voxels"].transpose(2, 1, 0).ravel())
    lines = [
        f"{1000 * edge:.6f} {count:.9e}\n" for edge, count in zip(case["edges_kev"], case["photons"], strict=False)
    ]
    Path("spectrum.txt").write_text("".join(lines) + f"{1000 * case['edges_kev'][-1]:.6f} -1\n", encoding="utf-8")


def _material(penred: Any, name: str, density: float, fractions: FloatArray) -> None:
    composition = tuple((int(number), float(fractions[number])) for number in np.flatnonzero(fractions))
    penred.materials.create(name, density, composition, f"{name}.mat")
    around = [EDGES_KEV[number] * part for number, _ in composition if number in EDGES_KEV for part in AROUND_EDGE]
    energies = np.array(sorted((*ENERGIES_KEV, *around))) * 1000
    found = penred.materials.mutrenFromFile(energies=list(energies), filename=f"{name}.mat", tolerance=0.1, simTime=1)
    np.savetxt(f"{name}.muen", np.column_stack([energies, found]))


def _coefficients(path: Path) -> list[tuple[float, ...]]:
    """Return energy, coherent, incoherent and photoelectric mass coefficients of a material file, every 0.5 keV."""
    lines = path.read_text(encoding="latin-1").splitlines()
    atoms = [_atoms(line) for line in lines if "atoms/molecule" in line]
    per_gram = AVOGADRO / sum(count * GRAM_PER_MOL[number] for number, count in atoms)
    energies = np.arange(2.0, 60.01, 0.5)
    start = _line(lines, "*** Rayleigh scattering")
    points, skipped = int(lines[start].split("NE =")[1]), int(lines[start].split("NQ =")[1].split(",")[0])
    coherent = _table(lines, start + 1 + skipped, points, energies)
    start = _line(lines, "*** Compton and pair-production")
    incoherent = _table(lines, start + 1, int(lines[start].split("NDATA =")[1]), energies)
    absorbed = np.zeros_like(energies)
    for number, count in atoms:
        start = next(
            place
            for place, line in enumerate(lines)
            if "*** Photoelectric" in line and int(line.split("IZ =")[1].split(",")[0]) == number
        )
        absorbed += count * _table(lines, start + 2, int(lines[start].split("NDATA =")[1]), energies)
    return [
        (float(energy), *(float(f"{per_gram * value:.6g}") for value in values))
        for energy, *values in zip(energies, coherent, incoherent, absorbed, strict=True)
    ]


def _atoms(line: str) -> tuple[int, float]:
    number, count = line.split("=")[1:]
    return int(number.split(",")[0]), float(count)


def _line(lines: list[str], start: str) -> int:
    return next(place for place, line in enumerate(lines) if start in line)


def _table(lines: list[str], start: int, count: int, energies_kev: FloatArray) -> FloatArray:
    """Return the second column of a table at energies, between its points as powers."""
    table = np.array([[float(value) for value in line.split()[:2]] for line in lines[start : start + count]])
    table = table[(table[:, 1] > 0)]
    return np.asarray(np.exp(np.interp(np.log(1000 * energies_kev), np.log(table[:, 0]), np.log(table[:, 1]))))


def kerma(penred: Any, case: dict[str, Any], seed: int, histories: int) -> tuple[FloatArray, float]:
    """Return one run's kerma by track length in every voxel, in Gy per photon, and its CPU time in s."""
    run = penred.create()
    run.configFromString(_configuration(case, seed, histories))
    before = time.process_time()
    run.simulate()
    taken = time.process_time() - before
    scored = np.asarray(run.getResults(tallies=["kerma"])["kerma"][0].data()[0])
    side = case["voxels"].shape[0]
    return scored.reshape(side, side, side).transpose(2, 1, 0) * GRAY_PER_EV_PER_G, taken


def region_rows(penred: Any, case: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the mean kerma of every region with its standard error, from independent runs."""
    shape = case["voxels"].shape
    regions = [np.unpackbits(packed, count=case["voxels"].size).reshape(shape) > 0 for packed in case["regions"]]
    runs = []
    for run in range(RUNS):
        found = kerma(penred, case, run + 1, HISTORIES)[0]
        runs.append([found[region].mean() for region in regions])
    mean, error = np.mean(runs, axis=0), np.std(runs, axis=0, ddof=1) / np.sqrt(RUNS)
    return [
        (case["name"], case["mark"], name, f"{value:.5e}", f"{spread:.2e}")
        for name, value, spread in zip(case["region_names"], mean, error, strict=True)
    ]


def efficiency(case_file: Path) -> None:
    """Print the relative variance of a region's voxels for one run, and the CPU time of it, as JSON.

    What a run takes before its first photon is measured by a run of almost none and taken off.
    """
    penred = importlib.import_module("pyPenred").simulation
    penred.setConfigurationLog("configuration.log")
    penred.setSimulationLog("simulation.log")
    case: dict[str, Any] = dict(np.load(case_file))
    prepare(penred, case, {})
    region = np.unpackbits(case["regions"][0], count=case["voxels"].size).reshape(case["voxels"].shape) > 0
    start_s = min(kerma(penred, case, run + 1, 100)[1] for run in range(2))
    runs = [kerma(penred, case, run + 1, HISTORIES // 2) for run in range(EFFICIENCY_RUNS)]
    values = np.array([found[region] for found, _ in runs])
    variance = float(values.var(axis=0, ddof=1).mean() / values.mean() ** 2)
    taken = float(np.mean([cpu for _, cpu in runs])) - start_s
    print(json.dumps({"variance": variance, "cpu_s": taken, "histories": HISTORIES // 2, "kerma_gy": values.mean()}))


def _configuration(case: dict[str, Any], seed: int, histories: int) -> str:
    side = case["voxels"].shape[0]
    middle, size = side * 0.05, side * 0.1
    source, tally = "sources/generic/point", "tallies/kerma"
    lines = [f"{source}/nhist {histories}", f'{source}/kpar "gamma"', f'{source}/spatial/type "POINT"']
    lines += [f"{source}/spatial/position/{axis} {middle + 1e-6}" for axis in "xyz"]
    lines += [f'{source}/direction/type "CONE"', f"{source}/direction/u 0.0", f"{source}/direction/v 0.0"]
    lines += [f"{source}/direction/w 1.0", f"{source}/direction/theta 0.0", f"{source}/direction/phi 0.0"]
    lines += [f"{source}/direction/alpha 180.0", f'{source}/energy/type "FILE_SPECTRUM"']
    lines += [f'{source}/energy/filename "spectrum.txt"']
    lines += ['geometry/type "VOXEL"', 'geometry/filename "voxels.txt"', "geometry/ascii true"]
    lines += ["geometry/enclosure-margin 0.0001", "geometry/enclosure-material 1"]
    lines += [f'{tally}/type "KERMA_TRACK_LENGTH"', f"{tally}/emin 1.05e3", f"{tally}/emax 51e3"]
    for axis in "xyz":
        lines += [f"{tally}/cartesian/n{axis} {side}", f"{tally}/cartesian/{axis}min 0"]
        lines += [f"{tally}/cartesian/{axis}max {size}"]
    for number, name in enumerate(case["material_names"], start=1):
        body = f"materials/m{number}"
        lines += [f"{body}/number {number}", f'{body}/filename "{name}.mat"', f"{body}/eabs/gamma 1.05e3"]
        lines += [f"{body}/eabs/electron 1e9", f"{body}/eabs/positron 1e9", f"{body}/C1 0.1", f"{body}/C2 0.1"]
        lines += [f"{body}/WCC 1e3", f"{body}/WCR 1e3", f'{tally}/dataFiles/{number} "{name}.muen"']
    lines += ["simulation/threads 1", f"simulation/seedPair {seed}"]
    return "\n".join([*lines, "simulation/ascii-results false", ""])


if __name__ == "__main__":
    if len(sys.argv) == 2:
        efficiency(Path(sys.argv[1]).resolve())
    else:
        main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
