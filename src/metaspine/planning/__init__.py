"""Planning: the needle's path, the prescription and its limit, the time."""

from metaspine.planning.making import make_plan
from metaspine.planning.policy import PlanningPolicy, read_policy

__all__ = ["PlanningPolicy", "make_plan", "read_policy"]
