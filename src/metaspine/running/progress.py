"""How a long step says how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Something that is told how far a step has come.

    A listener may raise :class:`metaspine.errors.Cancelled` to stop the work.
    """

    def __call__(self, step: str, fraction: float) -> None:
        """Take the name of the step under way and how much of it is done, 0 to 1."""


def silent(step: str, fraction: float) -> None:
    """Listen to progress and say nothing."""
