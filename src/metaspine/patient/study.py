"""Whose images they are: the identity and the study that every object written for them must repeat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, repr=False)
class Study:
    """A patient's study as its images name it; empty is not stated. It is never printed."""

    patient_name: str = ""
    """As DICOM writes it: family^given^middle^prefix^suffix."""
    patient_id: str = ""
    birth_date: str = ""
    """YYYYMMDD, as all dates here; times are HHMMSS."""
    sex: str = ""
    study_uid: str = ""
    study_id: str = ""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    referring_physician: str = ""

    def __repr__(self) -> str:
        """Return a text without a word of who it is."""
        return "Study(...)"
