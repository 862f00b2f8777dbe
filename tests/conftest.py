"""What every test shares: where the shared data lie, the example, and that what they start can be interrupted."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell that starts the tests in the background lets them ignore an interrupt, and so what they start."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real CTs, structures and doses named by METASPINE_TEST_DATA; skips where it is unset."""
    text = os.environ.get("METASPINE_TEST_DATA")
    if not text:
        pytest.skip("METASPINE_TEST_DATA is not set: the shared clinical data are not at hand")
    folder = Path(text)
    if not folder.is_dir():
        pytest.fail(f"METASPINE_TEST_DATA names {folder}, which is no folder")
    return folder


@pytest.fixture(scope="session")
def example_folder() -> Path:
    """The examples that ship with the source."""
    return Path(__file__).parent.parent / "examples"
