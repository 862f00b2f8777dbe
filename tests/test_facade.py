"""The facade: what it offers, and that it loads nothing before it is asked."""

from __future__ import annotations

import subprocess
import sys

import pytest

import metaspine


@pytest.mark.parametrize("name", metaspine.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(metaspine, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'treat'"):
        _ = metaspine.treat  # type: ignore[attr-defined]


def test_the_public_names_are_listed() -> None:
    assert dir(metaspine) == sorted(metaspine.__all__)


@pytest.mark.parametrize("heavy", ["numba", "matplotlib", "scipy", "pydicom"])
def test_assessing_loads_no_engine(heavy: str) -> None:
    code = f"import sys, metaspine; metaspine.assess; metaspine.read_case; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
