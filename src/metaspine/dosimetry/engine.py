"""What every dose engine is asked, and what it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from metaspine.geometry.grid import Grid
from metaspine.geometry.volume import Volume
from metaspine.patient.dose import Dose
from metaspine.patient.plan import DwellPosition
from metaspine.physics.applicators import Applicator, Output
from metaspine.running import Progress

if TYPE_CHECKING:
    from metaspine.dosimetry.reference_tissues import Tissues


@dataclass(frozen=True, eq=False)
class Irradiation:
    """The source at rest at one or more positions in one patient, and the grid the dose is wanted on.

    Parameters
    ----------
    dwells
        Where the isocentre rests, which way the needle points, for how long; LPS mm and s.
    applicator, output
        The device and the dose rate it is timed with.
    grid
        Voxel centres at which the dose is wanted.
    image
        Hounsfield units of the patient; an engine that computes in water does not look at them.
    scan_sha256
        What the image was read from, for the provenance.
    tissues
        Materials and densities around the grid, for an engine that computes in the patient's own.
    """

    dwells: tuple[DwellPosition, ...]
    applicator: Applicator
    output: Output
    grid: Grid
    image: Volume
    scan_sha256: str
    tissues: Tissues | None = None


class DoseEngine(Protocol):
    """A pure function from an irradiation to its dose: the same input gives the same bits."""

    def __call__(self, irradiation: Irradiation, *, progress: Progress) -> Dose:
        """Return the dose on the irradiation's grid, NaN inside the applicator.

        Raises
        ------
        Cancelled
            When the listener to ``progress`` stops the work.
        """
