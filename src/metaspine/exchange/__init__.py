"""Readers and writers: DICOM, NIfTI, case files."""
