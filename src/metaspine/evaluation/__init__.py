"""Dose-volume histograms, dose limits."""
