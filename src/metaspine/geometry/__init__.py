"""Where things are: grids, volumes, contours, rigid transforms. Patient coordinates are DICOM's LPS, in mm."""

from metaspine.geometry.grid import Grid
from metaspine.geometry.volume import Volume

__all__ = ["Grid", "Volume"]
