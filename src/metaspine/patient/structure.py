"""A structure: a named region of the patient, with what is known of where it came from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from metaspine.geometry.contours import ContourSet
from metaspine.geometry.volume import Volume


class Role(StrEnum):
    """What a structure is to the plan."""

    VERTEBRA = "vertebra"
    SACRUM = "sacrum"
    RIB = "rib"
    LESION = "lesion"
    SPINAL_CORD = "spinal cord"
    THECAL_SAC = "thecal sac"
    BONY_CANAL = "bony canal"
    CAUDA_EQUINA = "cauda equina"
    BODY = "body"
    VESSEL = "vessel"
    LUNG = "lung"
    ORGAN = "organ"
    OTHER = "other"


class Origin(StrEnum):
    """Who made a structure."""

    AUTOMATIC = "automatic"
    """A segmentation program; nobody has confirmed it."""
    DRAWN = "drawn"
    """A person, in another system."""
    DERIVED = "derived"
    """Computed by metaspine from other structures or from the image."""
    SYNTHETIC = "synthetic"
    """Inserted by a program (the example's lesions)."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Structure:
    """A named region of the patient.

    Parameters
    ----------
    name
        The name in its source ("vertebrae_T12", "GTV_Mass_CT").
    role
        What it is to the plan.
    region
        Contours, or a Volume of coverage (bool, or float 0 to 1) on a grid cropped to the structure.
    origin
        Who made it. Automatic, derived and unknown structures are unconfirmed and cannot decide a limit alone.
    confirmed_by
        The person who confirmed it; empty where nobody has.
    level
        The vertebral level it belongs to; empty where it belongs to none.
    source
        The file it came from.
    """

    name: str
    role: Role
    region: Volume | ContourSet
    origin: Origin
    confirmed_by: str = ""
    level: str = ""
    source: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether a person drew it or put a name to it."""
        return bool(self.confirmed_by) or self.origin is Origin.DRAWN

    @property
    def frame_of_reference(self) -> str:
        """The frame of reference the region lives in."""
        if isinstance(self.region, Volume):
            return self.region.grid.frame_of_reference
        return self.region.frame_of_reference

    def in_one_order(self) -> Structure:
        """Return it with its voxels in one order (:meth:`metaspine.geometry.Volume.in_one_order`)."""
        if isinstance(self.region, Volume):
            return replace(self, region=self.region.in_one_order())
        return self
