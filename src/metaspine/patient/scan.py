"""A scan: the image of the patient and the structures that were read with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from metaspine.errors import StructureError
from metaspine.geometry.volume import Volume
from metaspine.patient.structure import Role, Structure
from metaspine.patient.study import Study


@dataclass(frozen=True)
class ScanOrigin:
    """Where an image came from, as far as its files say; empty or None is unknown."""

    path: str
    sha256: str
    """SHA-256 over the content of the image's files, one after the other; DICOM slices in the order of the index k."""
    series_uid: str = ""
    study_uid: str = ""
    modality: str = "CT"
    patient_position: str = ""
    tube_voltage_kv: float | None = None
    convolution_kernel: str = ""
    description: str = ""
    structure_files: tuple[tuple[str, str], ...] = ()
    """The files that the structures came from: path and SHA-256 of the content."""
    study: Study | None = None
    """Whose images they are; None where the files do not say (NIfTI)."""
    instance_uids: tuple[str, ...] = ()
    """The SOP instance UIDs of the slices in the order of the index k; empty where there are none. One and the same for
    all frames of a multi-frame object."""
    sop_class: str = ""
    """The SOP class of the slices, or of the multi-frame object."""
    frame_numbers: tuple[int, ...] = ()
    """Which frame of the multi-frame object each slice is, from 1, in the order of the index k; else empty."""
    resampled: bool = False
    """The grid is not that of the files' slices (a tilted gantry was straightened): they must not be referred to."""


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT in Hounsfield units with its structures, all in one frame of reference.

    Parameters
    ----------
    image
        Hounsfield units.
    structures
        Regions in the image's frame of reference.
    origin
        The files it came from.
    notes
        What the reader had to do or noticed, as sentences for the user (resampled a tilted gantry, clipped padding).
    unreadable
        What could not be read, name and reason, for the user to see.
    """

    image: Volume
    structures: tuple[Structure, ...]
    origin: ScanOrigin
    notes: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        for structure in self.structures:
            self.image.grid.require_frame(structure.frame_of_reference, where=structure.name)

    @property
    def frame_of_reference(self) -> str:
        """The frame of reference of the image and of every structure."""
        return self.image.grid.frame_of_reference

    def in_one_order(self) -> Scan:
        """Return the scan with all voxels in one order, whatever the order in which they are stored.

        What the origin says of single slices is left out: it is in the order of the files.
        """
        return replace(
            self,
            image=self.image.in_one_order(),
            structures=tuple(structure.in_one_order() for structure in self.structures),
            origin=replace(self.origin, instance_uids=(), frame_numbers=()),
        )

    def structure(self, name: str) -> Structure:
        """Return the structure of that name.

        Raises
        ------
        StructureError
            When there is none; the message lists what there is.
        """
        for structure in self.structures:
            if structure.name == name:
                return structure
        known = ", ".join(structure.name for structure in self.structures) or "none"
        raise StructureError(f"there is no structure {name!r}", where=self.origin.path, remedy=f"There are: {known}")

    def of_role(self, role: Role) -> tuple[Structure, ...]:
        """Return the structures of one role."""
        return tuple(structure for structure in self.structures if structure.role is role)
