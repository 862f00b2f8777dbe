"""``metaspine serve``: run the service for hospital systems. The web server loads the application by its name."""

from __future__ import annotations

import logging
import os
from importlib.util import find_spec
from pathlib import Path

from metaspine.cli.console import DISCLAIMER, messages
from metaspine.errors import InputError
from metaspine.patient.policy import DEFAULT_POLICY

_APPLICATION = "metaspine.server.app:served_app"
_LOCAL = ("127.0.0.1", "::1", "localhost")


def serve_command(host: str, port: int, policy: Path | None = None) -> None:
    """Serve until it is stopped, under a centre's policy where one is given.

    Raises
    ------
    PolicyError
        When the policy file cannot be used.
    InputError
        When the packages of the extra ``server`` are not installed, or the address cannot be served at.
    """
    missing = [name for name in ("fastapi", "uvicorn") if find_spec(name) is None]
    if missing:
        raise InputError(
            f"{' and '.join(missing)} not installed",
            where="metaspine serve",
            remedy="Type: pip install 'metaspine[server]'",
        )
    import uvicorn

    from metaspine.exchange.policy_file import POLICY_VARIABLE, read_board_policy

    followed = DEFAULT_POLICY if policy is None else read_board_policy(policy)
    messages.print(f"Policy: {followed.in_words}", highlight=False)
    # What a shell still names from another time would be followed unseen.
    os.environ[POLICY_VARIABLE] = "" if policy is None else str(policy.resolve())
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:     %(name)s %(message)s")
    messages.print(DISCLAIMER, highlight=False)
    if host not in _LOCAL:
        messages.print("Plain HTTP without authorisation: put your own TLS proxy before it.", style="bold yellow")
    try:
        uvicorn.run(_APPLICATION, factory=True, host=host, port=port)
    except SystemExit as ended:
        raise InputError(
            f"the service did not start at {host}:{port}",
            where="metaspine serve",
            remedy="The line above says why; where the port is in use, choose another by --port",
        ) from ended
