"""A study's words as DICOM allows them: images may hold what no other system accepts in a new object.

Source: DICOM PS3.5 6.2 (value representations), PS3.3 C.7.1.1 (patient), C.7.2.1 (study).
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from metaspine.patient.study import Study

_SEXES = {"M", "F", "O"}
_SHORT = re.compile(r"[^\x00-\x1f\\]{0,16}")
_DATE = re.compile(r"(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})")
_TIME = re.compile(r"([01]\d|2[0-3])(?::?([0-5]\d)(?::?([0-5]\d|60)(\.\d{1,6})?)?)?\d*")


def allowed(study: Study) -> Study:
    """Return a study whose dates, times, sex and numbers are such as DICOM allows; what cannot be is left empty.

    Dates and times of the retired forms (2025.03.14, 10:11:12) are written as today's. The patient's name and number
    and the study's UID stay as the images have them: by them other systems find the patient.
    """
    return replace(
        study,
        birth_date=_date(study.birth_date),
        sex=study.sex.upper() if study.sex.upper() in _SEXES else "",
        study_id=study.study_id if _SHORT.fullmatch(study.study_id) else "",
        study_date=_date(study.study_date),
        study_time=_time(study.study_time),
        accession_number=study.accession_number if _SHORT.fullmatch(study.accession_number) else "",
        referring_physician=study.referring_physician.split("\\")[0],
    )


def _date(text: str) -> str:
    found = _DATE.fullmatch(text.strip())
    written = "".join(found.groups()) if found else ""
    try:
        return written and datetime.strptime(written, "%Y%m%d").strftime("%Y%m%d").rjust(8, "0")
    except ValueError:
        return ""


def _time(text: str) -> str:
    found = _TIME.fullmatch(text.strip())
    return "".join(part or "" for part in found.groups()) if found else ""
