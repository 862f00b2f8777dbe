"""The study that everything written for one scan belongs to."""

from __future__ import annotations

from dataclasses import replace

from metaspine.exchange.writing.uids import uid_of
from metaspine.patient.scan import Scan
from metaspine.patient.study import Study


def study_of(scan: Scan, *, study: Study | None = None) -> Study:
    """Return the study of a scan; where its files name none (NIfTI), the same one is made for all that is written.

    Parameters
    ----------
    study
        Whose scan it is, where the files do not say and the user does.
    """
    known = study or scan.origin.study or Study(study_uid=scan.origin.study_uid)
    return replace(known, study_uid=known.study_uid or uid_of("study", scan.origin.sha256))
