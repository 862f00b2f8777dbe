"""The tree of what can go wrong.

::

    MetaspineError
    ├── InputError              something that was handed in cannot be used
    │   ├── CaseError           the case file
    │   ├── ImageError          a CT, MR or dose
    │   ├── StructureError      a contour, a label map, a lesion
    │   ├── DeviceFileError     an applicator or calibration file
    │   └── PolicyError         a centre's policy file
    ├── GeometryError           geometry that cannot be put together
    │   ├── FrameMismatch       two values of different frames of reference met
    │   └── GridMismatch        two values of different grids met
    ├── LevelError              the vertebral level or the side is not what was stated
    ├── NotEligible             the rules exclude the patient from the procedure; says which
    ├── NoTrajectory            no needle path exists; says what blocks it
    ├── OutputError             a file could not be written
    └── Cancelled               the work was stopped from outside

Every message says what was found, where, and what to do.
"""

from __future__ import annotations


class MetaspineError(Exception):
    """The root of every error that metaspine raises on purpose.

    Parameters
    ----------
    what
        What was found, as a sentence without its full stop.
    where
        The file, structure, slice or key in which it was found.
    remedy
        What the user can do about it.
    """

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        place = f"{where}: " if where else ""
        cure = f". {remedy}" if remedy else ""
        super().__init__(f"{place}{what}{cure}")


class InputError(MetaspineError):
    """Something that was handed in cannot be used."""


class CaseError(InputError):
    """The case file is malformed, contradicts itself or uses unknown words."""


class ImageError(InputError):
    """An image cannot be read, or cannot be trusted."""


class StructureError(InputError):
    """A structure is missing, empty, outside the image or of another geometry."""


class DeviceFileError(InputError):
    """An applicator or calibration file is incomplete, inconsistent or expired."""


class PolicyError(InputError):
    """A centre's policy file names an unknown value or an unknown choice."""


class GeometryError(MetaspineError):
    """Geometry that cannot be put together."""


class FrameMismatch(GeometryError):
    """Two values of different frames of reference met; they are never merged silently."""

    def __init__(self, first: str, second: str, *, where: str = "") -> None:
        super().__init__(
            f"frames of reference differ: {first} and {second}",
            where=where,
            remedy="Register one to the other first, or pick images of one frame of reference",
        )


class GridMismatch(GeometryError):
    """Two values that must share a grid do not."""


class RegistrationError(GeometryError):
    """Two images could not be brought together, or not well enough to be trusted."""


class LevelError(MetaspineError):
    """The vertebral level or the side found in the image is not the one stated."""


class NotEligible(MetaspineError):
    """The rules exclude the patient from the procedure; the message names every reason with its rule."""


class NoTrajectory(MetaspineError):
    """No needle path to the lesion exists; the message says what blocks it."""


class NetworkError(MetaspineError):
    """Another system could not be reached, refused, or did not keep what it was sent."""


class OutputError(MetaspineError):
    """A file could not be written; nothing half-written was left."""


class Cancelled(MetaspineError):
    """The work was stopped from outside; nothing half-written was left."""
