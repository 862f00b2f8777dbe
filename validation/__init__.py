"""Comparisons with independent truths, run by make validate."""
