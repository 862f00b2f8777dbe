"""Photon cross sections, bone and the source spectrum against NIST, ICRU and published output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xraylib

import metaspine
from metaspine.imaging.densities import BONE_FROM, tissue_map
from metaspine.imaging.regions import region_of
from metaspine.physics.applicator_files import read_applicator
from metaspine.physics.fluorescence import element_lines, followed_lines, photons_per_absorption
from metaspine.physics.materials import Material, cement, material
from metaspine.physics.photon_data import (
    absorption_cm2_g,
    coefficients,
    energies_kev,
    klein_nishina,
    photon_tables,
)
from metaspine.physics.spectrum import (
    Spectrum,
    filtered,
    half_value_layer_mm,
    read_spectrum,
)
from metaspine.physics.tissues import bone, bone_level, bone_levels, compact_share, vertebral_marrow
from validation.chapter import Chapter, Table, verdict

_TEXT = """
Coefficients are sums of xraylib's partial coefficients; NIST's figures were printed in our notes before the code was
written. mu_en lets all fluorescence escape, as NIST's does; the energy that a voxel keeps is mu_tr. Bone is a mixture
of vertebral marrow and ICRU 44 cortical bone by density, in steps; the table says what the steps cost. The half-value
layer is that of a narrow beam of the generic spectrum.
"""
V1 = {10.0: 5.329, 15.0: 1.673, 20.0: 0.8096, 30.0: 0.3756, 40.0: 0.2683, 50.0: 0.2269}
V2 = {10.0: 4.944, 15.0: 1.374, 20.0: 0.5503, 30.0: 0.1557, 40.0: 0.06947, 50.0: 0.04223}
V3 = {10.0: 5.565, 15.0: 1.545, 20.0: 0.6179, 30.0: 0.1729, 50.0: 0.04414}
V4 = {20.0: 4.001, 30.0: 1.331}
V4_ABSORPTION = {20.0: 3.601, 30.0: 1.070}
"""NIST's figures in cm2/g by energy in keV (PHO-02 to PHO-04)."""


def chapter(data: Path | None) -> Chapter:
    """Return the comparison; it needs no data."""
    del data
    tables = (nist_table(), bone_table(), table_table(), fluorescence_table(), source_table())
    return Chapter("Cross sections, materials and the source spectrum", _TEXT, tables)


def nist_table() -> Table:
    """Return V1 to V4 and the reason why xraylib's own energy absorption is not used."""
    water, cortical = material("water"), material("cortical")
    oxygen = Material("oxygen", "oxygen", ((8, 1.0),), 1.0, ("MAT-13",))
    compared = (
        ("V1 water mu/rho", V1, coefficients(water, list(V1)).total, 0.002),
        ("V2 water mu_en/rho", V2, absorption_cm2_g(water, list(V2)), 0.005),
        ("V3 oxygen mu_en/rho", V3, absorption_cm2_g(oxygen, list(V3)), 0.005),
        ("V4 cortical mu/rho", V4, coefficients(cortical, list(V4)).total, 0.005),
        ("V4 cortical mu_en/rho", V4_ABSORPTION, absorption_cm2_g(cortical, list(V4_ABSORPTION)), 0.01),
    )
    rows = [row for what, nist, ours, tolerance in compared for row in _rows(what, nist, ours, tolerance)]
    wrong = xraylib.CS_Energy(8, 20.0)
    difference = f"{wrong / 0.6179 - 1:+.1%}"
    rows.append(("oxygen mu_en/rho, xraylib's CS_Energy", "20", "0.6179", f"{wrong:.4g}", difference, "", "not used"))
    header = ("quantity, cm2/g", "keV", "NIST", "metaspine", "difference", "tolerance", "")
    return Table("Against NIST (PHO-02 to PHO-04)", header, tuple(rows))


def bone_table() -> Table:
    """Return how bone of a density compares with ICRU's spongiosa, and what the steps between its materials cost."""
    energy = np.arange(8.0, 50.5, 1.0)
    error_total, error_transfer = _step_errors(energy)
    spongiosa, mixed = material("spongiosa"), bone(float(compact_share(1.18)))
    icru, ours = coefficients(spongiosa, [20.0]), coefficients(mixed, [20.0])
    rows = [
        (
            "ICRU 46 spongiosa, mu/rho at 20 keV, cm2/g",
            f"{icru.total[0]:.3f}",
            f"{ours.total[0]:.3f}",
            f"{ours.total[0] / icru.total[0] - 1:+.1%}",
        ),
        (
            "ICRU 46 spongiosa, mu_tr/rho at 20 keV, cm2/g",
            f"{icru.transfer[0]:.3f}",
            f"{ours.transfer[0]:.3f}",
            f"{ours.transfer[0] / icru.transfer[0] - 1:+.1%}",
        ),
        (f"{len(bone_levels())} materials for bone: mu/rho, rms over densities", "", "", _percent(error_total)),
        (f"{len(bone_levels())} materials for bone: mu_tr/rho, rms over densities", "", "", _percent(error_transfer)),
        (
            "the same along rays of 15 mm in a real vertebra (T12 of the example), 20 keV",
            "",
            "",
            _percent(_ray_errors()),
        ),
    ]
    red, yellow = (coefficients(material(name), [20.0]).transfer[0] for name in ("red-marrow", "yellow-marrow"))
    marrow = coefficients(vertebral_marrow(), [20.0]).transfer[0]
    soft, border = coefficients(material("soft"), [20.0]), coefficients(bone(float(compact_share(BONE_FROM))), [20.0])
    rows += [
        (
            "marrow all red, or all yellow, beside 70 % red: mu_tr/rho at 20 keV (MAT-05)",
            "",
            "",
            f"{red / marrow - 1:+.0%}, {yellow / marrow - 1:+.0%}",
        ),
        (
            f"at {BONE_FROM:g} g/cm3 (100 HU) bone beside soft tissue: mu/rho, mu_tr/rho at 20 keV (CT-02)",
            "",
            "",
            f"{border.total[0] / soft.total[0] - 1:+.0%}, {border.transfer[0] / soft.transfer[0] - 1:+.0%}",
        ),
    ]
    header = ("quantity", "ICRU", "mixture of the same density", "difference")
    return Table("Bone between marrow and compact bone, 1.01 to 1.92 g/cm3, 8 to 50 keV", header, tuple(rows))


def table_table() -> Table:
    """Return what the tables' grid costs: interpolation, the cell that holds an edge, the scattering angles."""
    rows = []
    for each in (material("water"), material("cortical"), cement(barium_sulfate_percent=30), material("tantalum")):
        smooth, edges = _grid_errors(each)
        kept = _sampled_transfer_error(each)
        rows.append((each.title, f"{smooth:.3%}", f"{edges:+.3%}", f"{kept:.3%}"))
    header = (
        "material",
        "largest error between nodes from 8 keV, cells with an edge left out",
        "error of the absorbed energy in the beam behind 5 mm water, all cells",
        "largest error of the sampled Compton transfer, 8 to 60 keV",
    )
    return Table("The tables' grid: 0.1 keV; angles by 129 quantiles a keV", header, tuple(rows))


def fluorescence_table() -> Table:
    """Return the strongest lines of each material: how much they carry, how far, followed or not."""
    bare = read_applicator("bare-probe")
    beam = filtered(read_spectrum(bare.spectrum), bare.filters)
    chosen = (
        material("cortical"),
        material("titanium"),
        material("steel"),
        cement(barium_sulfate_percent=30),
        cement(zirconium_dioxide_percent=15),
        material("tantalum"),
        material("gold"),
    )
    rows = tuple(row for each in chosen for row in _line_rows(each, beam))
    header = (
        "material",
        "line",
        "keV",
        "share of the absorbed energy of the bare probe's beam",
        "mean free path in it, mm",
        "in water, mm",
        "",
    )
    return Table("Fluorescence (PHO-05)", header, rows)


def source_table() -> Table:
    """Return the half-value layer of the generic spectrum beside the published one."""
    layer = half_value_layer_mm(_beam("sphere-4cm"))
    row = (
        "V13 half-value layer behind the 4 cm sphere, mm Al",
        "0.89 (SRC-04)",
        f"{layer:.2f}",
        "0.15",
        verdict(abs(layer - 0.89) <= 0.15),
    )
    return Table("The generic spectrum", ("quantity", "published", "metaspine", "tolerance", ""), (row,))


def _rows(what: str, nist: dict[float, float], ours: np.ndarray, tolerance: float) -> list[tuple[str, ...]]:
    return [
        (
            what,
            f"{energy:g}",
            f"{published:g}",
            f"{value:.4g}",
            f"{value / published - 1:+.2%}",
            f"{tolerance:.1%}",
            verdict(abs(value / published - 1) <= tolerance),
        )
        for (energy, published), value in zip(nist.items(), ours, strict=True)
    ]


def _percent(error: np.ndarray) -> str:
    return f"{np.sqrt(np.mean(error**2)):.1%}, at most {np.abs(error).max():.1%}"


def _step_errors(energy_kev: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    levels = [coefficients(each, energy_kev) for each in bone_levels()]
    total, transfer = [], []
    for density in np.linspace(1.015, 1.92, 300):
        exact, used = (
            coefficients(bone(float(compact_share(density))), energy_kev),
            levels[int(bone_level(density))],
        )
        total.append(used.total / exact.total - 1)
        transfer.append(used.transfer / exact.transfer - 1)
    return np.array(total), np.array(transfer)


def _ray_errors() -> np.ndarray:
    """Return the relative errors that the steps make in the optical depth of rays from the middle of a vertebra."""
    folder = Path(__file__).parent.parent / "examples" / "t12"
    scan = metaspine.read_scan(folder / "ct.nii.gz", structures=folder / "labels.nii.gz")
    found = tissue_map(scan)
    region = region_of(scan.structure("vertebrae_T12"), scan.image.grid)
    if region is None:
        raise SystemExit("the example's T12 holds no voxel: make the example again")
    ends = [float(coefficients(bone(share), [20.0]).total[0]) for share in (0.0, 1.0)]
    levels = np.array([coefficients(each, [20.0]).total[0] for each in bone_levels()])
    centre = scan.image.grid.point_mm(np.argwhere(region.mask).mean(axis=0) + [part.start for part in region.box])
    random = np.random.default_rng(20260101)
    direction = random.normal(size=(1000, 1, 3))
    direction /= np.linalg.norm(direction, axis=2, keepdims=True)
    steps = np.arange(0.25, 15.0, 0.5)[None, :, None]
    index = np.rint(scan.image.grid.index(centre + direction * steps)).astype(int)
    along = found.density.values[tuple(index.reshape(-1, 3).T)].reshape(1000, -1).astype(float)
    in_bone = along > vertebral_marrow().density_g_cm3
    exact = np.where(in_bone, along * (ends[0] + (ends[1] - ends[0]) * compact_share(along)), 0.0).sum(axis=1)
    stepped = np.where(in_bone, along * levels[bone_level(along)], 0.0).sum(axis=1)
    return np.asarray(stepped[exact > 0] / exact[exact > 0] - 1)


def _grid_errors(each: Material) -> tuple[float, float]:
    """Return the largest error off the nodes away from edges, and that of the absorbed energy in a hardened beam."""
    nodes = energies_kev()
    on_nodes = coefficients(each, nodes).transfer
    places = np.arange(1, 10) / 10
    fine = (nodes[:-1, None] + 0.1 * places).ravel()
    exact = coefficients(each, fine).transfer
    linear = np.interp(fine, nodes, on_nodes)
    cell = np.repeat(np.arange(nodes.size - 1), places.size)
    jumps = _edge_cells(each, nodes)
    away = ~np.isin(cell, jumps) & (fine > 8)
    beam = filtered(_beam("bare-probe"), ())
    photons = np.interp(fine, beam.energies_kev, beam.photons_per_bin, right=0.0)
    photons = photons * np.exp(-coefficients(material("water"), fine).total * 0.5) * fine * (fine > 5)
    return float(np.abs(linear / exact - 1)[away].max()), float((photons * linear).sum() / (photons * exact).sum() - 1)


def _edge_cells(each: Material, nodes: np.ndarray) -> list[int]:
    cells = []
    for number, _ in each.mass_fractions:
        for shell in range(xraylib.K_SHELL, xraylib.M5_SHELL + 1):
            try:
                edge = xraylib.EdgeEnergy(number, shell)
            except ValueError:
                continue
            cells.append(int(np.floor((edge - nodes[0]) / 0.1)))
    return cells


def _sampled_transfer_error(each: Material) -> float:
    tables = photon_tables([each])
    lots, places = np.linspace(0, 1, 20001), np.linspace(0, 1, tables.incoherent_cosines.shape[2])
    worst = 0.0
    for energy in range(8, 61):
        found = coefficients(each, [float(energy)])
        cosine = np.interp(lots, places, tables.incoherent_cosines[0, energy - 1])
        sampled = float(np.mean(1 - klein_nishina(float(energy), cosine)[1]))
        worst = max(worst, abs(sampled / (found.compton_transfer[0] / found.incoherent[0]) - 1))
    return worst


def _line_rows(each: Material, beam: Spectrum) -> list[tuple[str, ...]]:
    lines = [line for number, _ in each.mass_fractions for line in element_lines(number) if line.energy_kev > 3]
    found = coefficients(each, beam.energies_kev)
    absorbed = beam.photons_per_bin * found.photoelectric
    energy = (absorbed * beam.energies_kev).sum()
    followed = followed_lines(each)
    rows = []
    for line in lines:
        yields = photons_per_absorption(each, line, beam.energies_kev, found.photoelectric)
        share = (absorbed * yields).sum() * line.energy_kev / energy
        if share < 5e-4:
            continue
        own, water = (
            10 / (part.density_g_cm3 * coefficients(part, [line.energy_kev]).total[0])
            for part in (each, material("water"))
        )
        rows.append(
            (
                each.title,
                f"{xraylib.AtomicNumberToSymbol(line.atomic_number)} {line.group}",
                f"{line.energy_kev:.2f}",
                f"{share:.1%}",
                f"{own:.3f}",
                f"{water:.2f}",
                "followed" if line in followed else "absorbed where it is made",
            )
        )
    return rows


def _beam(applicator: str) -> Spectrum:
    found = read_applicator(applicator)
    return filtered(read_spectrum(found.spectrum), found.filters)
