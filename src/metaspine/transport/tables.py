"""The photon data that a transport run needs, as arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatTable = NDArray[np.float32]

NO_LINES = np.zeros((0, 0), dtype=np.float32)
NO_YIELDS = np.zeros((0, 0, 0), dtype=np.float32)


class PhotonTables(NamedTuple):
    """Coefficients and angular distributions of some materials on a uniform grid of energies.

    The first index of every array is the material. Coefficients are in 1/mm per g/cm3, which is 0.1 times cm2/g.
    """

    energy_start_kev: float
    energy_step_kev: float
    total: FloatTable
    """(material, energy): everything that takes a photon out of its flight."""
    scatter: FloatTable
    """(material, energy): Compton and coherent scattering together."""
    coherent: FloatTable
    """(material, energy): coherent scattering alone."""
    transfer: FloatTable
    """(material, energy): energy transfer mu_tr; without the energy of the fluorescence lines given below."""
    incoherent_cosines: FloatTable
    """(material, coarse energy, quantile): the cosine of the Compton angle, quantiles evenly from 0 to 1."""
    coherent_cosines: FloatTable
    """(material, coarse energy, quantile): the same of coherent scattering."""
    cosine_energy_step_kev: float = 1.0
    """The coarse energies start where the fine ones do and lie this far apart."""
    line_energies_kev: FloatTable = NO_LINES
    """(material, line): fluorescence lines that are worth following; empty where there are none."""
    line_yields: FloatTable = NO_YIELDS
    """(material, energy, line): photons of each line per photoelectric absorption at that energy."""

    @property
    def energy_end_kev(self) -> float:
        """The highest energy of the fine grid."""
        steps: int = self.total.shape[1] - 1
        return self.energy_start_kev + self.energy_step_kev * steps
