"""Which bytes an image or structure came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from metaspine.errors import InputError

_CHUNK_BYTES = 1 << 20


def sha256_of(paths: Iterable[Path]) -> str:
    """Return the SHA-256 (hexadecimal) of the files' contents, one after the other in the order given.

    Raises
    ------
    InputError
        When a file cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except OSError as error:
            raise InputError(
                f"cannot be read ({error.strerror})", where=str(path), remedy="Check that the file is there"
            ) from error
    return digest.hexdigest()
