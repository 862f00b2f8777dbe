"""What comes of dealing with an archive, by whichever way: what was kept, what was refused and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydicom.datadict import dictionary_VR, tag_for_keyword

from metaspine.errors import InputError
from metaspine.exchange.dicom_files import is_dicom
from metaspine.exchange.network.nodes import OWN_TITLE, Certificates

STUDY, SERIES = "STUDY", "SERIES"
RETURNED: Mapping[str, tuple[str, ...]] = {
    STUDY: (
        "StudyInstanceUID",
        "StudyDate",
        "StudyDescription",
        "AccessionNumber",
        "PatientID",
        "PatientName",
        "ModalitiesInStudy",
        "NumberOfStudyRelatedSeries",
        "NumberOfStudyRelatedInstances",
    ),
    SERIES: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
}
"""What a search asks to be told of each match (PS3.4 C.6.2.1)."""

Match = dict[str, str]


@dataclass(frozen=True)
class Caller:
    """Who calls: by which title, with which certificates (none: without TLS), and how patiently."""

    title: str = OWN_TITLE
    certificates: Certificates | None = None
    answer_within_s: float = 60.0


@dataclass(frozen=True)
class Sent:
    """What an archive did with each file.

    Parameters
    ----------
    stored
        Those that it acknowledged.
    refused
        The others, each with the reason.
    notes
        What it changed of what it stored.
    """

    stored: tuple[Path, ...]
    refused: tuple[tuple[Path, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retrieved:
    """What came from an archive.

    Parameters
    ----------
    paths
        Where each object lies, in the order in which they came.
    failed
        How many the archive said it could not send, or that could not be kept.
    notes
        What was said meanwhile.
    """

    paths: tuple[Path, ...]
    failed: int
    notes: tuple[str, ...] = ()


def check_filters(filters: Mapping[str, str]) -> None:
    """Refuse to search by what is no DICOM keyword.

    Raises
    ------
    InputError
        Which names it.
    """
    for keyword in filters:
        tag = tag_for_keyword(keyword)
        if tag is None or dictionary_VR(tag) == "SQ":
            raise InputError(
                f"{keyword!r} is nothing to search by",
                where="search",
                remedy="Give DICOM keywords, for example PatientID=4711 StudyDate=20260101-",
            )


def dicom_files(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the DICOM files among the paths and in the folders among them, in the order of their names.

    Raises
    ------
    InputError
        When a path that is no folder is no DICOM file, or there is none at all.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(item for item in path.rglob("*") if item.is_file() and is_dicom(item))
        elif is_dicom(path):
            found.append(path)
        else:
            raise InputError("is no DICOM file", where=str(path), remedy="Give DICOM files, or folders of them")
    if not found:
        raise InputError("no DICOM file was given", where="archive", remedy="Give DICOM files, or folders of them")
    return tuple(found)
