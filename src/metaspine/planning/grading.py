"""Grading of channels: which approach each is, what the policy allows, and what blocks the rest.

A corridor is graded, not assumed. Transpedicular keeps the policy's margin to the cortex all around; tight stays in the
pedicle but comes nearer to the cortex or passes the lateral one by no more than the policy's breach; extrapedicular
enters the body beside the pedicle at a thoracic level. No approach ever passes the medial, cranial or caudal cortex of
the pedicle, nor comes nearer to the canal than the policy's clearance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaspine.geometry.grid import FloatArray
from metaspine.patient.levels import region
from metaspine.patient.plan import Approach
from metaspine.patient.structure import Structure
from metaspine.patient.vertebra import Pedicle
from metaspine.planning.channels import Channels
from metaspine.planning.needle import Needle
from metaspine.planning.policy import PlanningPolicy
from metaspine.planning.surroundings import BONES, Surroundings

Mask = NDArray[np.bool_]
NamesNear = Callable[[tuple[Structure, ...], FloatArray], list[str]]


@dataclass(frozen=True, eq=False)
class Condition:
    """One thing that is asked of every axis of an approach: a value that must not be smaller than a least one."""

    value: FloatArray
    least: float
    said: str
    """How it is said when no axis fulfils it; ``{best}`` is the nearest that any comes to it."""
    obstacles: tuple[Structure, ...] = ()
    """What is in the way, to be named."""
    of_the_level: bool = False
    """Whether it is the same for every axis."""

    @property
    def met(self) -> Mask:
        """Which axes fulfil it."""
        return np.asarray(self.value >= self.least)


@dataclass(frozen=True, eq=False)
class Verdict:
    """What is asked of an approach, in the order in which it is told; the lengths of needle and cannula last."""

    ways: tuple[Condition, ...]
    lengths: tuple[Condition, ...]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Everything that is asked."""
        return (*self.ways, *self.lengths)

    @property
    def allowed(self) -> Mask:
        """Which axes fulfil everything."""
        return _all_met(self.conditions)

    @property
    def allowed_but_for_length(self) -> Mask:
        """Which axes fulfil everything, were needle and cannula only long enough."""
        return _all_met(self.ways)

    @property
    def lacking(self) -> FloatArray:
        """By how much each axis falls short of what is asked, the conditions added up."""
        lacking = [np.maximum(condition.least - condition.value, 0) for condition in self.conditions]
        return np.asarray(np.sum(lacking, axis=0))

    @property
    def hopeless(self) -> bool:
        """Whether the level itself rules the approach out, whatever the axis."""
        return any(condition.of_the_level and not condition.met.any() for condition in self.conditions)


def together(first: Verdict, second: Verdict) -> Verdict:
    """Return the verdict on the axes of both, those of the first before those of the second."""
    joined = [
        replace(one, value=np.concatenate([one.value, other.value]))
        for one, other in zip(first.conditions, second.conditions, strict=True)
    ]
    return Verdict(tuple(joined[: len(first.ways)]), tuple(joined[len(first.ways) :]))


def _all_met(conditions: tuple[Condition, ...]) -> Mask:
    return np.asarray(np.all([condition.met for condition in conditions], axis=0))


def grade(
    channels: Channels,
    needle: Needle,
    policy: PlanningPolicy,
    *,
    around: Surroundings,
    level: str,
    pedicle: Pedicle,
    lateral_mm: FloatArray,
    height_mm: FloatArray,
    coverage: FloatArray,
    depth_mm: FloatArray,
) -> dict[Approach, Verdict]:
    """Return what each approach asks, and which of the n axes fulfil it.

    Parameters
    ----------
    lateral_mm, height_mm
        (n,) where the axes cross the coronal plane of the isthmus: towards lateral and cranial of its centre.
    coverage
        (n,) fraction of the lesion in reach; negative where isocentre or tip lie outside the lesion.
    depth_mm
        (n,) from the skin to the tip; NaN where the image does not show it: nothing is asked of it there.
    """
    common = _common(channels, policy, coverage=coverage, needle=needle)
    clear = _clear(channels, policy, around)
    width = f"{2 * needle.channel_radius_mm:g} mm channel"
    kept = np.min([channels.medial_margin, channels.cranial_margin, channels.caudal_margin], axis=0)
    inside = Condition(channels.axis_depth, 1e-6, "no axis stays inside the pedicle")
    unbroken = Condition(
        kept,
        0.0,
        f"the {width} passes the medial, cranial or caudal cortex of the pedicle, by {{short:.1f}} mm at best",
    )
    roomy = Condition(
        channels.pedicle_margin,
        policy.pedicle_margin_mm,
        f"the {width} keeps {{best:.1f}} mm to the pedicle's cortex at best (negative: passes it); "
        f"{policy.pedicle_margin_mm:g} mm are asked for",
    )
    breach = Condition(
        channels.lateral_margin,
        -policy.lateral_breach_mm,
        f"the {width} passes the lateral cortex of the pedicle by {{short_of_zero:.1f}} mm at best; "
        f"{policy.lateral_breach_mm:g} mm are allowed",
    )
    narrow = Condition(-channels.pedicle_margin, -policy.pedicle_margin_mm, "every channel that fits keeps the margin")
    beside = _beside(channels, needle, policy, level=level, pedicle=pedicle, lateral_mm=lateral_mm, height_mm=height_mm)
    lengths = _lengths(depth_mm, depth_mm - channels.bone_entry_mm, needle)
    return {
        Approach.TRANSPEDICULAR: Verdict((*common, inside, *clear, unbroken, roomy), lengths),
        Approach.TRANSPEDICULAR_TIGHT: Verdict((*common, inside, *clear, unbroken, breach, narrow), lengths),
        Approach.EXTRAPEDICULAR: Verdict((*common, *beside, *clear), lengths),
    }


def blocking_reason(verdict: Verdict, axis_of: Callable[[int], FloatArray], near: NamesNear, *, among: Mask) -> str:
    """Return what blocks an approach: the condition that no axis fulfils of those that fulfil all before it.

    Parameters
    ----------
    axis_of
        The two ends (2, 3) of the axis of an index.
    near
        Names those of some structures that come near an axis.
    among
        Which axes count.
    """
    left = among.copy()
    if not left.size:
        return "no axis lies within the policy's angles"
    for condition in verdict.conditions:
        if not (left & condition.met).any():
            break
        left &= condition.met
    index = int(np.argmax(np.where(left, condition.value, -np.inf)))
    best = float(condition.value[index])
    said = condition.said.format(best=best, short=condition.least - best, short_of_zero=-best)
    names = near(condition.obstacles, axis_of(index)) if condition.obstacles else []
    return f"{said} ({', '.join(names)})" if names else said


def _common(
    channels: Channels,
    policy: PlanningPolicy,
    *,
    coverage: FloatArray,
    needle: Needle,
) -> tuple[Condition, ...]:
    return (
        Condition(coverage, 0.0, "no isocentre lies in the lesion with the needle's tip in it"),
        Condition(channels.isocentre_depth, needle.needle_radius_mm, "the tip would pass the vertebra's cortex"),
        Condition(
            channels.canal_clearance,
            policy.canal_clearance_mm,
            f"the channel's wall comes to {{best:.1f}} mm from the canal at best (negative: in it); "
            f"{policy.canal_clearance_mm:g} mm are asked for",
        ),
    )


def _clear(channels: Channels, policy: PlanningPolicy, around: Surroundings) -> tuple[Condition, ...]:
    said = "the channel's wall comes to {{best:.1f}} mm from {what} at best; {least:g} mm are asked for"
    bones = tuple(structure for structure in around.obstacles if structure.role in BONES)
    soft = tuple(structure for structure in around.obstacles if structure.role not in BONES)
    return (
        Condition(
            channels.bones_clearance,
            policy.rib_clearance_mm,
            said.format(what="ribs or another vertebra", least=policy.rib_clearance_mm),
            bones,
        ),
        Condition(
            channels.soft_clearance,
            policy.organ_clearance_mm,
            said.format(what="lung, vessels or organs", least=policy.organ_clearance_mm),
            soft,
        ),
    )


def _lengths(depth_mm: FloatArray, to_bone_mm: FloatArray, needle: Needle) -> tuple[Condition, ...]:
    """Return that needle and cannula are long enough, where the skin is seen."""
    return tuple(
        Condition(
            np.where(np.isnan(distance), -usable, -distance),
            -usable,
            f"{{short_of_zero:.1f}} mm from skin to {end} at best, {usable:g} mm of the {part} can be used",
        )
        for distance, usable, end, part in (
            (depth_mm, needle.usable_length_mm, "tip", "needle"),
            (to_bone_mm, needle.usable_cannula_mm, "bone", "cannula"),
        )
    )


def _beside(
    channels: Channels,
    needle: Needle,
    policy: PlanningPolicy,
    *,
    level: str,
    pedicle: Pedicle,
    lateral_mm: FloatArray,
    height_mm: FloatArray,
) -> tuple[Condition, ...]:
    """Return what an extrapedicular axis must fulfil: thoracic, beside the pedicle, clear of the nerves' foramina."""
    thoracic = np.full(lateral_mm.shape, 1.0 if region(level) == "thoracic" else 0.0)
    beyond = np.maximum(-channels.lateral_margin - policy.lateral_breach_mm, -channels.axis_depth)
    room = pedicle.height_mm / 2 - needle.channel_radius_mm - np.abs(height_mm)
    return (
        Condition(thoracic, 1.0, f"{level} has no rib beside the pedicle", of_the_level=True),
        Condition(lateral_mm, 0.0, "no axis runs lateral of the pedicle"),
        Condition(beyond, 1e-6, "every axis runs through the pedicle itself"),
        Condition(room, 0.0, "no axis keeps to the pedicle's height, clear of the foramina"),
    )
