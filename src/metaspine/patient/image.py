"""An image that holds no Hounsfield units: MR, cone-beam CT, fluoroscopy in three dimensions."""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.geometry.volume import Volume
from metaspine.patient.scan import ScanOrigin
from metaspine.patient.structure import Structure


@dataclass(frozen=True, eq=False)
class Image:
    """An image to look at, to draw in and to register; no density can be read from it.

    Parameters
    ----------
    volume
        The values as stored, after the file's own slope and intercept; they have no unit.
    origin
        The files it came from; its modality says what kind of image it is (MR, CT, XA).
    notes
        What the reader had to do or noticed, as sentences for the user.
    structures
        Regions in the image's frame of reference.
    unreadable
        What could not be read, name and reason, for the user to see.
    """

    volume: Volume
    origin: ScanOrigin
    notes: tuple[str, ...] = ()
    structures: tuple[Structure, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for structure in self.structures:
            self.volume.grid.require_frame(structure.frame_of_reference, where=structure.name)

    @property
    def frame_of_reference(self) -> str:
        """The frame of reference that the image lives in."""
        return self.volume.grid.frame_of_reference
