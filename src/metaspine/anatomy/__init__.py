"""Vertebra levels and frames, pedicle corridors, the canal."""
