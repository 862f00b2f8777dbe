"""Trajectory, prescription, treatment time, robustness."""
