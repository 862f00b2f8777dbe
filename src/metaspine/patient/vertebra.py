"""A vertebra as the needle sees it: level, local frame, body, canal, pedicles, endplates."""

from __future__ import annotations

from dataclasses import dataclass

from metaspine.geometry.grid import FloatArray
from metaspine.patient.side import Side


@dataclass(frozen=True, eq=False)
class LocalFrame:
    """The anatomical axes of one vertebra: unit vectors in LPS, perpendicular to each other."""

    left: FloatArray
    """Towards the patient's left."""
    anterior: FloatArray
    cranial: FloatArray


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane by a point and its unit normal, in LPS mm."""

    point_mm: FloatArray
    normal: FloatArray


@dataclass(frozen=True, eq=False)
class Pedicle:
    """The bridge between the body and the arch on one side, measured where it is thinnest."""

    side: Side
    isthmus_mm: FloatArray
    """Centre of the smallest coronal cross-section."""
    axis: FloatArray
    """Unit vector along the pedicle, from posterior to anterior."""
    width_mm: float
    """Of the cross-section, right to left, outer cortex to outer cortex."""
    height_mm: float
    area_mm2: float


@dataclass(frozen=True, eq=False)
class Vertebra:
    """One vertebra, in LPS mm.

    ``uncertainty_mm`` is one standard deviation of the points, from the voxel size and the method. A part that the
    field of view cuts, or that could not be found, is None and ``notes`` say why.
    """

    level: str
    frame_of_reference: str
    axes: LocalFrame
    body_centre_mm: FloatArray
    canal_centre_mm: FloatArray | None
    """At the height of the pedicles."""
    canal_width_mm: float | None
    canal_depth_mm: float | None
    right_pedicle: Pedicle | None
    left_pedicle: Pedicle | None
    superior_endplate: Plane | None
    inferior_endplate: Plane | None
    complete: bool
    """False where the field of view cuts the vertebra."""
    uncertainty_mm: float
    notes: tuple[str, ...] = ()

    def pedicle(self, side: Side) -> Pedicle | None:
        """Return the pedicle of one side."""
        return self.right_pedicle if side is Side.RIGHT else self.left_pedicle


@dataclass(frozen=True)
class LandmarkCount:
    """The level as counted from one landmark, independently of the level labels."""

    landmark: str
    """"sacrum", "last rib" or "C2"."""
    level: str
    """What the count gives; empty where the landmark is in view but the count is not possible."""
    reason: str = ""
    """Why it could not be counted, or what is doubtful about it."""


@dataclass(frozen=True)
class LevelCheck:
    """The stated level against the labels and against independent counts (LEVEL-01, LEVEL-02)."""

    stated: str
    labelled: str
    counts: tuple[LandmarkCount, ...]
    agrees: bool | None
    """True: at least one count was possible and all agree. None: no count was possible. A mismatch raises instead."""
    notes: tuple[str, ...] = ()
    confirmed_by: str = ""
    """The person who counted the level on the images (LEVEL-01); empty where nobody has."""
