"""A real archive: Orthanc, started for a test on ports of its own."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from loopback import eventually, free_port

from metaspine.exchange.network.nodes import Certificates, Node

_PLUGINS = ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")


@dataclass(frozen=True)
class Orthanc:
    """A running one, the port of ours that it moves to, and how to reach it."""

    node: Node
    http: str
    our_port: int
    web: str = ""
    """Where callers reach its web services; empty for where it is asked itself."""

    @property
    def dicomweb(self) -> str:
        return f"{self.web or self.http}/dicom-web"

    def ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(f"{self.http}/{path}", method=method)  # noqa: S310 - our own
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - our own
            return json.load(answer)

    def count(self) -> int:
        return int(self.ask("statistics")["CountInstances"])

    def forget_all(self) -> None:
        for patient in self.ask("patients"):
            self.ask(f"patients/{patient}", "DELETE")


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


@dataclass(frozen=True)
class Secured:
    """What an archive shows by TLS, and whether it asks callers for a certificate."""

    own: Certificates
    asks: bool

    def settings(self) -> dict[str, Any]:
        return {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(self.own.own),
            "DicomTlsPrivateKey": str(self.own.key),
            "DicomTlsTrustedCertificates": str(self.own.authority),
            "DicomTlsRemoteCertificateRequired": self.asks,
        }

    def context(self) -> ssl.SSLContext:
        context = self.own.for_server()
        context.verify_mode = ssl.CERT_REQUIRED if self.asks else ssl.CERT_NONE
        return context


@contextmanager
def https_before(port: int, context: ssl.SSLContext) -> Iterator[int]:
    """Speak TLS before a port, as Orthanc's makers advise: its own https crashes in Debian 12 (civetweb issue 1316)."""

    class Door(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            self._pass_on("GET")

        def do_POST(self) -> None:
            self._pass_on("POST")

        def _pass_on(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            behind = HTTPConnection("127.0.0.1", port, timeout=10)
            with closing(behind):
                behind.request(method, self.path, body, {**self.headers, "Accept-Encoding": "identity"})
                answer = behind.getresponse()
                content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"] or "text/plain")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: Any, client_address: Any) -> None:
            with suppress(OSError), context.wrap_socket(request, server_side=True) as greeted:
                super().finish_request(greeted, client_address)

    with Server(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join(10)


@contextmanager
def orthanc(
    folder: Path, *, host: str = "127.0.0.1", within: Sequence[str] = (), secured: Secured | None = None
) -> Iterator[Orthanc]:
    """Run it with its database in a folder; ``within`` goes before its command (a network namespace)."""
    dicom, http, ours = free_port(), free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    known = {"AET": "METASPINE", "Host": "127.0.0.1", "Port": ours, "UseDicomTls": secured is not None}
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
        "DicomModalities": {"metaspine": known},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **(secured.settings() if secured else {}),
    }
    (folder / "orthanc.json").write_text(json.dumps(settings))
    words = [*within, program(), str(folder / "orthanc.json")]
    with (folder / "log").open("w") as log, subprocess.Popen(words, stdout=log, stderr=log) as process:
        running = Orthanc(Node("ORTHANC", host, dicom), f"http://{host}:{http}", ours)
        try:
            if not within:
                assert eventually(lambda: _answers(running)), (folder / "log").read_text()[-2000:]
            if secured:
                with https_before(http, secured.context()) as port:
                    yield replace(running, web=f"https://{host}:{port}")
            else:
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
