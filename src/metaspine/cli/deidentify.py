"""``metaspine deidentify``: a folder's DICOM objects without a word of whose they are."""

from __future__ import annotations

import secrets
from pathlib import Path

from metaspine.cli.console import messages, progress_bar, results
from metaspine.errors import InputError
from metaspine.exchange.deidentify import Deidentified, deidentify


def deidentify_command(folder: Path, to: Path, key: Path | None) -> None:
    """De-identify a folder; without a key file a secret is drawn and forgotten."""
    secret = secrets.token_bytes(32) if key is None else _secret(key)
    with progress_bar() as progress:
        made = deidentify(folder, to, secret=secret, progress=progress)
    _show(made, to)


def _secret(key: Path) -> bytes:
    try:
        return key.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=str(key), remedy="Give a file of random bytes with --key"
        ) from error


def _show(made: Deidentified, to: Path) -> None:
    results.print(f"{len(made.written)} objects without identity in {to}", highlight=False, markup=False)
    for name, reason in made.left_out:
        results.print(f"left out  {name}: {reason}", style="yellow", markup=False)
    for note in made.notes:
        messages.print(note, markup=False)
