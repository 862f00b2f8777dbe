"""Scores, rules and the engine that applies and explains them."""

from metaspine.assessment.document import advice_document
from metaspine.assessment.engine import assess

__all__ = ["advice_document", "assess"]
