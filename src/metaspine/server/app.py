"""The web application: discovery, the CDS Hooks services, feedback, and an assessment of a case file over HTTP.

Nothing of a patient is stored or logged. It speaks plain HTTP: TLS and authorisation are the work of a proxy before it.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from metaspine.assessment import assess, prepare_board
from metaspine.assessment.explanation import board_document
from metaspine.errors import InputError, MetaspineError
from metaspine.exchange.case_file import case_from_document
from metaspine.exchange.case_text import parse_case_text
from metaspine.exchange.fhir_reading import case_from_bundle
from metaspine.exchange.policy_file import POLICY_VARIABLE, read_board_policy
from metaspine.patient.advice import DISCLAIMER
from metaspine.patient.policy import DEFAULT_POLICY, BoardPolicy
from metaspine.server.cds_hooks import MissingPrefetch, UnknownService, answer, discovery, take_feedback
from metaspine.version import __version__

MOST_BYTES = 20_000_000
_LOG = logging.getLogger("metaspine.server")


def served_app() -> FastAPI:
    """Return the application that follows the policy file which the environment names, where it names one.

    Raises
    ------
    PolicyError
        When that file is no policy.
    """
    named = os.environ.get(POLICY_VARIABLE)
    return create_app(read_board_policy(named) if named else DEFAULT_POLICY)


def create_app(policy: BoardPolicy = DEFAULT_POLICY) -> FastAPI:
    """Return the application; where the sources conflict it follows a centre's policy."""
    app = FastAPI(title="metaspine", description=DISCLAIMER, version=__version__, docs_url=None, redoc_url=None)
    app.add_exception_handler(MetaspineError, _refused)
    app.add_exception_handler(404, _not_there)
    app.add_exception_handler(405, _not_there)
    app.middleware("http")(_without_patient_data_in_the_log)
    app.state.policy = policy
    app.get("/cds-services")(_discovery)
    app.post("/cds-services/{service}")(_hook)
    app.post("/cds-services/{service}/feedback")(_feedback)
    app.post("/assess")(_assess)
    return app


async def _discovery() -> dict[str, Any]:
    return discovery()


async def _hook(service: str, request: Request) -> dict[str, Any]:
    return answer(service, await _body(request), request.app.state.policy)


async def _feedback(service: str, request: Request) -> dict[str, Any]:
    counted = take_feedback(service, await _body(request))
    _LOG.info("feedback on %s: %s", service, counted)
    return {}


async def _assess(request: Request) -> dict[str, Any]:
    document = await _body(request)
    bundle = isinstance(document, dict) and "resourceType" in document
    case = case_from_bundle(document, where="request") if bundle else case_from_document(document, where="request")
    return board_document(prepare_board(case, assess(case, request.app.state.policy)))


class _TooLarge(InputError):
    """The request is larger than any record that a board looks at."""


async def _body(request: Request) -> Any:
    """Return the request's JSON; nothing is read beyond the limit."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise _TooLarge(f"more than {MOST_BYTES} bytes", where="request", remedy="Send one patient's record")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("no UTF-8 text", where="request", remedy="Send JSON in UTF-8") from error
    return parse_case_text(text, where="request", as_json=True)


_STATUS: dict[type[Exception], int] = {UnknownService: 404, MissingPrefetch: 412, _TooLarge: 413}
_CODES = {400: "invalid", 404: "not-found", 405: "not-supported", 412: "required", 413: "too-long", 500: "exception"}


def _outcome(status: int, diagnostics: str) -> JSONResponse:
    """Return an error as a FHIR OperationOutcome."""
    issue = {"severity": "error", "code": _CODES.get(status, "processing"), "diagnostics": diagnostics}
    return JSONResponse({"resourceType": "OperationOutcome", "issue": [issue]}, status_code=status)


async def _refused(_: Request, error: Exception) -> Response:
    return _outcome(_STATUS.get(type(error), 400), str(error))


async def _not_there(request: Request, _: Exception) -> Response:
    known = any(request.url.path.startswith(path) for path in ("/assess", "/cds-services"))
    return _outcome(405 if known else 404, "There are GET /cds-services, POST /cds-services/{service} and POST /assess")


async def _without_patient_data_in_the_log(
    request: Request, proceed: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Answer a defect of the program with its place alone: the message of an exception may hold a patient's data."""
    try:
        return await proceed(request)
    except Exception as error:  # noqa: BLE001 - whatever it is, its message must not reach the log
        place = traceback.extract_tb(error.__traceback__)[-1]
        _LOG.error("%s in %s, line %s", type(error).__name__, place.name, place.lineno)
        return _outcome(500, "a defect of the program; the server's log names the place")
