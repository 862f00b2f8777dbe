"""Left and right, always the patient's own."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """A side of the patient. In LPS the patient's left is +x."""

    RIGHT = "right"
    LEFT = "left"

    @property
    def lps_sign(self) -> int:
        """The sign of x in LPS on this side: +1 left, -1 right."""
        return 1 if self is Side.LEFT else -1

    @property
    def letter(self) -> str:
        """R or L, as printed on pictures."""
        return self.value[0].upper()

    @property
    def other(self) -> Side:
        """The opposite side."""
        return Side.LEFT if self is Side.RIGHT else Side.RIGHT
