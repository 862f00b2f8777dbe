"""Why a connection by TLS did not come about, in words for the user: pynetdicom tells only that it did not."""

from __future__ import annotations

import socket
import ssl

_VERDICT_S = 5.0
"""How long the other side may take to refuse our certificate: TLS 1.3 greets first and judges then."""


def trouble(host: str, port: int, context: ssl.SSLContext, *, within_s: float) -> str:
    """Return why TLS with a host fails, by trying it; empty where it does not.

    Parameters
    ----------
    within_s
        How long the host may take to answer.
    """
    try:
        with (
            socket.create_connection((host, port), timeout=within_s) as line,
            context.wrap_socket(line, server_hostname=host) as greeted,
        ):
            greeted.settimeout(min(within_s, _VERDICT_S))
            return _verdict(greeted)
    except ssl.SSLError as error:
        return reason(error)
    except ConnectionResetError:
        return "it cut the connection during the greeting: it speaks no TLS, or not with our certificate"
    except OSError as error:
        return f"it cannot be reached ({error.strerror or error})"


def _verdict(greeted: ssl.SSLSocket) -> str:
    try:
        return "" if greeted.recv(1) else "it ended the connection as soon as TLS had begun"
    except TimeoutError:
        return ""


def reason(error: ssl.SSLError) -> str:
    """Return in words what TLS failed of."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    words = (error.reason or str(error)).replace("_", " ").lower()
    return f"it refused our certificate: {words}" if "alert" in words else f"TLS failed: {words}"


def tls_error_in(error: BaseException) -> ssl.SSLError | None:
    """Return the error of TLS that an error of the web was raised for; None where there is none."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ssl.SSLError):
            return one
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
    return None
