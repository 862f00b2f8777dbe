"""The YAML files that ship with the program, in the ``data`` folders of its packages."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Eight times as fast, where PyYAML was built with it; files of users are read by the one with the clearer messages."""


def shipped_table(package: str, path: str) -> Any:
    """Return what a file holds: ``shipped_table("metaspine.exchange", "laboratory.yaml")``; None for an empty one."""
    text = files(package).joinpath("data", *path.split("/")).read_text(encoding="utf-8")
    return yaml.load(text, Loader=_LOADER)  # noqa: S506
