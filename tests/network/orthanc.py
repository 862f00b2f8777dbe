"""A real archive: Orthanc, started for a test on ports of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from loopback import eventually, free_port

from metaspine.exchange.network.nodes import Node

_PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")


@dataclass(frozen=True)
class Orthanc:
    """A running one, the port of ours that it moves to, and how to reach it."""

    node: Node
    http: str
    our_port: int

    @property
    def dicomweb(self) -> str:
        return f"{self.http}/dicom-web"

    def count(self) -> int:
        with urllib.request.urlopen(f"{self.http}/statistics", timeout=5) as answer:  # noqa: S310 - our own
            return int(json.load(answer)["CountInstances"])


def program() -> str:
    """The program's path; skips where it is not installed."""
    found = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
    if found is None:
        pytest.skip("Orthanc is not installed (scripts/system_tools)")
    return found


def dicomweb_plugin() -> str:
    """The path of its DICOMweb plugin; skips where it is not installed."""
    places = [*map(Path, _PLUGINS), Path(program()).parents[1] / "lib" / "orthanc"]
    found = [path for place in places if place.is_dir() for path in sorted(place.glob("libOrthancDicomWeb.so*"))]
    if not found:
        pytest.skip("Orthanc's DICOMweb plugin is not installed (scripts/system_tools)")
    return str(found[0])


@contextmanager
def orthanc(folder: Path, *, host: str = "127.0.0.1", within: Sequence[str] = ()) -> Iterator[Orthanc]:
    """Run it with its database in a folder; ``within`` goes before its command (a network namespace)."""
    dicom, http, ours = free_port(), free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [dicomweb_plugin()],
        "HttpPort": http,
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "DicomPort": dicom,
        "DicomAlwaysAllowStore": True,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": {"metaspine": ["METASPINE", "127.0.0.1", ours]},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    words = [*within, program(), str(folder / "orthanc.json")]
    with (folder / "log").open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        running = Orthanc(Node("ORTHANC", host, dicom), f"http://{host}:{http}", ours)
        try:
            if not within:
                assert eventually(lambda: _answers(running)), (folder / "log").read_text()[-2000:]
            yield running
        finally:
            process.kill()
            process.wait(20)


def _answers(running: Orthanc) -> bool:
    try:
        running.count()
    except OSError:
        return False
    return True
