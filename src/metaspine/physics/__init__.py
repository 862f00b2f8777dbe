"""What the beam does: applicators, calibrations, depth dose, treatment time, radiobiology."""
