"""What a centre decides about a needle path, as one frozen value that can be read from its YAML file.

Every value carries the evidence it rests on. Where the sources are silent it is a convention of the project
(confidence C of the evidence entries) and is shown as such in every plan.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

from metaspine.errors import PolicyError
from metaspine.evidence import look_up

ApproachName = Literal["transpedicular", "tight", "extrapedicular"]


def _stated(default: Any, unit: str, evidence: str) -> Any:
    return field(default=default, metadata={"unit": unit, "evidence": evidence})


@dataclass(frozen=True)
class PlanningPolicy:
    """The values that shape a trajectory search and a prescription.

    Raises
    ------
    PolicyError
        When a value lies outside its physical range or the limits of an angle are reversed.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    working_channel_diameter_mm: float | None = _stated(None, "mm", "PLAN-01")
    """What must fit through the bone; None takes the applicator's own (the thread cutter of its cannula)."""
    pedicle_margin_mm: float = _stated(1.0, "mm", "PLAN-02")
    """Bone that must remain between the channel's wall and the pedicle's outer cortex."""
    lateral_breach_mm: float = _stated(3.0, "mm", "PLAN-03")
    """How far a tight channel may pass beyond the lateral cortex of the pedicle."""
    canal_clearance_mm: float = _stated(1.0, "mm", "PLAN-04")
    """Between the channel's wall and the canal, for every approach."""
    rib_clearance_mm: float = _stated(0.0, "mm", "PLAN-05")
    """Between the channel's wall and ribs or neighbouring vertebrae."""
    organ_clearance_mm: float = _stated(2.0, "mm", "PLAN-06")
    """Between the channel's wall and lung, vessels and organs."""
    approaches: tuple[ApproachName, ...] = _stated(("transpedicular", "tight", "extrapedicular"), "", "PLAN-07")
    medial_angle_deg: tuple[float, float] = _stated((-5.0, 45.0), "degree", "PLAN-08")
    """Smallest and largest convergence to the midline."""
    cranial_angle_deg: tuple[float, float] = _stated((-25.0, 25.0), "degree", "PLAN-08")
    hub_reserve_mm: float = _stated(5.0, "mm", "PLAN-09")
    """Length of needle and of cannula that stays outside the skin."""
    tip_uncertainty_mm: float | None = _stated(None, "mm", "PLAN-10")
    """One standard deviation of the tip's position along a line; None takes the applicator's own."""
    shown_trajectories: int = _stated(6, "", "PLAN-11")
    """How many trajectories are shown at most, the chosen one included."""

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                _refuse(name, f"{value}", f"Give a value from {low:g} to {high:g}")
        for name in ("medial_angle_deg", "cranial_angle_deg"):
            low, high = getattr(self, name)
            if not -90 < low < high < 90:
                _refuse(name, f"{low:g} to {high:g}", "Give the smaller angle first, both between -90 and 90 degree")
        unknown = set(self.approaches) - set(get_args(ApproachName))
        if unknown or not self.approaches:
            _refuse("approaches", f"{self.approaches}", f"Choose from {', '.join(get_args(ApproachName))}")

    def shown(self) -> tuple[tuple[str, str], ...]:
        """Return every value as name and text, with its unit, its evidence id and how far it can be trusted."""
        return tuple((item.name, _text(getattr(self, item.name), item.metadata)) for item in fields(self))


_RANGES: dict[str, tuple[float, float]] = {
    "working_channel_diameter_mm": (1, 15),
    "pedicle_margin_mm": (0, 10),
    "lateral_breach_mm": (0, 6),
    "canal_clearance_mm": (0, 10),
    "rib_clearance_mm": (0, 20),
    "organ_clearance_mm": (0, 20),
    "hub_reserve_mm": (0, 60),
    "tip_uncertainty_mm": (0, 10),
    "shown_trajectories": (1, 50),
}


def read_policy(path: Path | str) -> PlanningPolicy:
    """Read a centre's planning policy from its YAML file; what it leaves out keeps the default.

    Raises
    ------
    PolicyError
        When the file cannot be read, names an unknown value or gives one outside its range.
    """
    where = str(path)
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PolicyError(
            f"the policy file cannot be read ({error})", where=where, remedy="Give a YAML file of name: value lines"
        ) from error
    if not isinstance(document, dict):
        raise PolicyError("the policy file holds no name: value lines", where=where, remedy="Write one value a line")
    try:
        return TypeAdapter(PlanningPolicy).validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise PolicyError(_first_problem(error), where=where, remedy=_KNOWN) from error
    except PolicyError as error:
        raise PolicyError(error.what, where=f"{where}, {error.where}", remedy=error.remedy) from error


_KNOWN = f"The values are: {', '.join(item.name for item in fields(PlanningPolicy))}; docs/plan.md explains them"


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']} (found {problem['input']!r})"


def _refuse(name: str, found: str, remedy: str) -> None:
    raise PolicyError(f"{name} is {found}", where="planning policy", remedy=remedy)


def _text(value: Any, metadata: Any) -> str:
    if value is None:
        shown = "as the applicator's file says"
    elif isinstance(value, tuple) and all(isinstance(part, float) for part in value):
        shown = f"{value[0]:g} to {value[1]:g} {metadata['unit']}"
    elif isinstance(value, tuple):
        shown = ", ".join(value)
    else:
        shown = f"{value:g} {metadata['unit']}".strip()
    entry = look_up(metadata["evidence"])
    return f"{shown} ({entry.id}, {entry.confidence.value})"
