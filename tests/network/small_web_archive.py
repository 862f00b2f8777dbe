"""A DICOMweb service of a few lines: it searches series and gives objects, by the standard library alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_MARK = "metaspine-tests"


@contextmanager
def small_web_archive(
    objects: Sequence[bytes],
    *,
    series: str,
    has: int | None,
    asked: list[tuple[str, str]] | None = None,
    page: bytes = b"",
) -> Iterator[str]:
    """Give these objects for any study, and say of their series that so many are there; yields the address.

    What was asked for is added to ``asked``: path, and media type taken. A ``page`` is what it answers to any search.
    """
    counts = {} if has is None else {"00201209": {"vr": "IS", "Value": [has]}}
    found = [{"0020000E": {"vr": "UI", "Value": [series]}, **counts}]
    part = f"--{_MARK}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    given = b"".join(part + content + b"\r\n" for content in objects) + f"--{_MARK}--\r\n".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={_MARK}'

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append((urlsplit(self.path).path, self.headers["Accept"]))
            searched = urlsplit(self.path).path == "/series" or "?" in self.path
            content, content_type = (
                (page or json.dumps(found).encode(), "application/dicom+json") if searched else (given, kind)
            )
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(10)
