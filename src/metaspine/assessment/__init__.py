"""Scores, rules and the engine that applies and explains them."""
