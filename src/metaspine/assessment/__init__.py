"""Scores, rules and the engine that applies and explains them."""

from metaspine.assessment.board import prepare_board
from metaspine.assessment.document import advice_document
from metaspine.assessment.engine import assess
from metaspine.assessment.wording import hours_in_words, in_words

__all__ = ["advice_document", "assess", "hours_in_words", "in_words", "prepare_board"]
