"""Source spectra: read and checked, filtered by what stands in the beam, and measured by their half-value layer.

The shipped spectra come from SpekPy's model of a gold transmission target (scripts/make_spectrum.py, SRC-01). They say
nothing of a device's absolute output: that is its calibration's, by :func:`photons_per_min`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from scipy.optimize import brentq

from metaspine.errors import DeviceFileError
from metaspine.evidence import look_up
from metaspine.geometry.grid import FloatArray
from metaspine.physics.applicators import Filter, Output
from metaspine.physics.depth_dose import dose_rate_gy_per_min
from metaspine.physics.device_files import DeviceFileModel, read_device_file
from metaspine.physics.materials import Material, material
from metaspine.physics.photon_data import HIGHEST_KEV, LOWEST_KEV, coefficients

GY_PER_KEV_PER_G = 1.602176634e-13
MM_PER_CM = 10.0
_REMEDY = "See docs/materials.md for the format of a spectrum file"


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Photons by energy, per photon that leaves the source's window.

    ``photons_per_bin`` (bin,) sums to 1 for the source as it is and to less behind filters; photons are uniform inside
    a bin. ``edges_kev`` is (bin + 1,).
    """

    name: str
    title: str
    tube_voltage_kv: float
    edges_kev: FloatArray
    photons_per_bin: FloatArray
    sha256: str
    """Over the numbers as the file holds them."""
    made_by: tuple[tuple[str, str], ...]
    """The program and its parameters."""
    evidence: tuple[str, ...]
    photons_per_cm2_per_mas_at_100_cm: float | None = None
    """The model's own fluence before filters, for comparing tube voltages; never a device's output."""
    filters: tuple[Filter, ...] = ()

    @property
    def energies_kev(self) -> FloatArray:
        """The middle of each bin, (bin,)."""
        return np.asarray((self.edges_kev[1:] + self.edges_kev[:-1]) / 2)

    @property
    def mean_energy_kev(self) -> float:
        """The mean energy of the photons."""
        return float(np.average(self.energies_kev, weights=self.photons_per_bin))


class SpectrumFile(DeviceFileModel):
    """A spectrum file as written."""

    metaspine_spectrum: Literal[1]
    name: str
    title: str
    tube_voltage_kv: float = Field(gt=0, le=HIGHEST_KEV)
    made_by: dict[str, str | float]
    evidence: str
    photons_per_cm2_per_mas_at_100_cm: float | None = Field(default=None, gt=0)
    first_edge_kev: float = Field(ge=LOWEST_KEV)
    bin_kev: float = Field(gt=0)
    sha256: str
    photons_per_bin: tuple[float, ...] = Field(min_length=1)


def spectrum_names() -> tuple[str, ...]:
    """Return the names of the spectra that ship with metaspine."""
    folder = files("metaspine.physics") / "data" / "spectra"
    return tuple(sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml")))


def read_spectrum(name_or_path: str | Path) -> Spectrum:
    """Return a spectrum by the name of a shipped one, or from a file (a path that ends in .yaml or .yml).

    Raises
    ------
    DeviceFileError
        When there is no such spectrum, its numbers don't have the hash that stands in the file, they are negative or
        don't sum to 1, or reach beyond the tube voltage.
    InputError
        When its evidence id is unknown.
    """
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        return _from_file(Path(text))
    if text not in spectrum_names():
        raise DeviceFileError(
            f"there is no spectrum {text!r}",
            where="spectra",
            remedy=f"There are: {', '.join(spectrum_names())}; or give the path of a .yaml file",
        )
    with as_file(files("metaspine.physics") / "data" / "spectra" / f"{text}.yaml") as path:
        return _from_file(path)


def filtered(spectrum: Spectrum, filters: Sequence[Filter]) -> Spectrum:
    """Return the spectrum behind filters that every photon crosses straight: N(E) exp(-mu(E) t), narrow beam.

    Raises
    ------
    InputError
        When a filter's material is unknown.
    """
    transmitted = spectrum.photons_per_bin
    for layer in filters:
        transmitted = transmitted * _transmission(spectrum.energies_kev, material(layer.material), layer.thickness_mm)
    return replace(spectrum, photons_per_bin=transmitted, filters=(*spectrum.filters, *filters))


def half_value_layer_mm(spectrum: Spectrum, absorber: str = "aluminium") -> float:
    """Return the thickness in mm that halves the air kerma, in a narrow beam.

    Air kerma is the sum over the bins of N E mu_tr/rho of air.
    """
    energy, layer = spectrum.energies_kev, material(absorber)
    weight = spectrum.photons_per_bin * energy * coefficients(material("air"), energy).transfer

    def remaining(thickness_mm: float) -> float:
        return float((weight * _transmission(energy, layer, thickness_mm)).sum() / weight.sum()) - 0.5

    return float(brentq(remaining, 0.0, 100.0))


def primary_kerma_gy_per_photon(spectrum: Spectrum, distance_mm: float) -> float:
    """Return the water kerma of unscattered photons of a point source in water, Gy per photon that leaves the window.

    K = sum over the bins of N E (mu_tr/rho) exp(-mu r) / (4 pi r^2); r in mm > 0.
    """
    water = material("water")
    found = coefficients(water, spectrum.energies_kev)
    fluence_per_cm2 = spectrum.photons_per_bin * _transmission(spectrum.energies_kev, water, distance_mm)
    fluence_per_cm2 = fluence_per_cm2 / (4 * np.pi * (distance_mm / MM_PER_CM) ** 2)
    return float((fluence_per_cm2 * spectrum.energies_kev * found.transfer).sum() * GY_PER_KEV_PER_G)


def photons_per_min(output: Output, *, water_kerma_gy_per_photon: float, distance_mm: float) -> float:
    """Return the photons a minute for which an engine's dose to water at a distance equals the output's.

    Parameters
    ----------
    output
        A device's calibration, or the nominal output.
    water_kerma_gy_per_photon
        The engine's own result with every voxel water, at that distance from the isocentre.
    distance_mm
        The reference distance from the isocentre; best inside the output's valid range.

    Raises
    ------
    DeviceFileError
        When the engine's kerma is not positive, or the distance is not.
    """
    if not water_kerma_gy_per_photon > 0:
        raise DeviceFileError(
            f"a water kerma of {water_kerma_gy_per_photon} Gy per photon at {distance_mm} mm",
            where="absolute dose rate",
            remedy="Compute the engine's dose in water at the reference distance first",
        )
    return float(dose_rate_gy_per_min(output.depth_dose, distance_mm)) / water_kerma_gy_per_photon


def _transmission(energy_kev: FloatArray, absorber: Material, thickness_mm: float) -> FloatArray:
    depth_g_cm2 = absorber.density_g_cm3 * thickness_mm / MM_PER_CM
    return np.asarray(np.exp(-coefficients(absorber, energy_kev).total * depth_g_cm2))


def _from_file(path: Path) -> Spectrum:
    document = read_device_file(path, SpectrumFile, remedy=_REMEDY)
    look_up(document.evidence)
    photons = np.array(document.photons_per_bin)
    edges = np.round(document.first_edge_kev + document.bin_kev * np.arange(photons.size + 1), 9)
    found = hashlib.sha256("".join(f"{value:.6e}\n" for value in photons).encode()).hexdigest()
    faults = {
        f"its numbers have the SHA-256 {found}, the file says {document.sha256}": found != document.sha256,
        "a bin holds a negative number of photons": bool((photons < 0).any()),
        f"its bins sum to {photons.sum():.6g}, not to 1": abs(photons.sum() - 1) > 1e-4,
        f"its last bin ends at {edges[-1]:g} keV, beyond the tube voltage": edges[-1] > document.tube_voltage_kv + 1e-9,
    }
    for fault, present in faults.items():
        if present:
            raise DeviceFileError(
                fault, where=str(path), remedy="Take the file again from its source, or make it anew and state its hash"
            )
    return Spectrum(
        name=document.name,
        title=document.title,
        tube_voltage_kv=document.tube_voltage_kv,
        edges_kev=edges,
        photons_per_bin=photons / photons.sum(),
        sha256=found,
        made_by=tuple((key, str(value)) for key, value in document.made_by.items()),
        evidence=(document.evidence,),
        photons_per_cm2_per_mas_at_100_cm=document.photons_per_cm2_per_mas_at_100_cm,
    )
