"""Planning: the needle's path, the prescription and its limit, the time."""

from metaspine.planning.making import make_plan
from metaspine.planning.monte_carlo_override import treat_by_monte_carlo
from metaspine.planning.policy import PlanningPolicy, read_policy
from metaspine.planning.reading import read_plan

__all__ = ["PlanningPolicy", "make_plan", "read_plan", "read_policy", "treat_by_monte_carlo"]
