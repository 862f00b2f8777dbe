"""An archive of a few lines, by pynetdicom alone: it searches, and sends by C-GET and C-MOVE."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from loopback import free_port
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, evt
from pynetdicom.sop_class import (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from metaspine.exchange.network.nodes import Node

MODELS = (
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)


@dataclass
class SmallArchive:
    """What it holds, the titles and ports that it moves to, and where it fails.

    It aborts a C-GET after ``breaks_after`` objects, sends all but the last ``keeps_back``, and, where it is ``mute``,
    does not say how many it has.
    """

    held: list[Dataset]
    knows: dict[str, int]
    breaks_after: int = 999
    keeps_back: int = 0
    mute: bool = False

    def chosen(self, query: Dataset) -> list[Dataset]:
        uids = ("StudyInstanceUID", "SeriesInstanceUID")
        return [one for one in self.held if all(query.get(uid, "") in ("", one[uid].value) for uid in uids)]

    def find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        query = event.identifier
        if "PatientID" in query and not fnmatchcase("4711", str(query.PatientID) or "*"):
            return
        objects = self.chosen(query)
        for series in sorted({one.SeriesInstanceUID for one in objects}):
            answer = Dataset()
            answer.QueryRetrieveLevel = query.QueryRetrieveLevel
            answer.StudyInstanceUID, answer.SeriesInstanceUID = objects[0].StudyInstanceUID, series
            answer.PatientID, answer.Modality = "4711", objects[0].Modality
            if not self.mute:
                answer.NumberOfSeriesRelatedInstances = sum(one.SeriesInstanceUID == series for one in objects)
            yield 0xFF00, answer

    def get(self, event: Any) -> Iterator[Any]:
        objects = self.chosen(event.identifier)
        objects = objects[: len(objects) - self.keeps_back]
        yield len(objects)
        for sent, one in enumerate(objects):
            if sent == self.breaks_after:
                event.assoc.abort()
                return
            yield 0xFF00, one

    def move(self, event: Any) -> Iterator[Any]:
        title = str(event.move_destination).strip()
        if title not in self.knows:
            yield None, None
            return
        yield "127.0.0.1", self.knows[title], {"ae_title": title}
        yield from self.get(event)


@contextmanager
def small_archive(paths: list[Path], *, knows: dict[str, int] | None = None, **fails: Any) -> Iterator[Node]:
    """Serve files on a free port."""
    archive = SmallArchive([dcmread(path) for path in paths], knows or {}, **fails)
    entity = AE("ARCHIVE")
    entity.supported_contexts = StoragePresentationContexts
    for context in entity.supported_contexts:
        context.scu_role, context.scp_role = True, True
    for model in MODELS:
        entity.add_supported_context(model)
    for context in StoragePresentationContexts[:120]:
        entity.add_requested_context(context.abstract_syntax)
    port = free_port()
    handlers = [(evt.EVT_C_FIND, archive.find), (evt.EVT_C_GET, archive.get), (evt.EVT_C_MOVE, archive.move)]
    entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
    try:
        yield Node("ARCHIVE", "127.0.0.1", port)
    finally:
        entity.shutdown()
