"""How applicator and calibration files are read: YAML, checked whole, refused with the place of the first fault."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from metaspine.errors import DeviceFileError


class DeviceFileModel(BaseModel):
    """A part of a device file: unknown keys, and numbers that are not finite, are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=False)


Model = TypeVar("Model", bound=DeviceFileModel)


def read_device_file(path: Path, model: type[Model], *, remedy: str) -> Model:
    """Return the content of a YAML file as its model.

    Raises
    ------
    DeviceFileError
        When the file cannot be read, is not YAML, or does not fit the model; the message names the key.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeviceFileError(f"cannot be read ({error.strerror})", where=str(path), remedy=remedy) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        fault = " ".join(str(error).split())
        raise DeviceFileError(f"is not a YAML text ({fault})", where=str(path), remedy=remedy) from error
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise DeviceFileError(_first_fault(error), where=str(path), remedy=remedy) from error


def _first_fault(error: ValidationError) -> str:
    faults = error.errors()
    first = faults[0]
    key = ".".join(str(part) for part in first["loc"]) or "the document"
    words = {"missing": "is missing", "extra_forbidden": "is not a known key"}
    message = words.get(first["type"], f"{first['msg'].removeprefix('Value error, ')} (found {first['input']!r})")
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{key}: {message}{more}"
