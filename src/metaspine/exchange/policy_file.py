"""Read what a centre's tumour board follows where the sources conflict, from its YAML file.

::

    centre: Example Hospital, spine tumour board
    version: "2026-1"
    choices:
      CONFLICT-SCLC: s2_resistant
      CONFLICT-STEROIDS: {side: give, reason: "tissue takes us 36 h", date: 2026-05-04, approved_by: "Board"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from metaspine.errors import CaseError, PolicyError
from metaspine.exchange.case_faults import shown
from metaspine.exchange.case_text import case_text, parse_case_text
from metaspine.patient.policy import BoardPolicy, Ground

POLICY_VARIABLE = "METASPINE_POLICY"
"""The environment's name for the policy file of a service: the web server loads the application by its name alone."""
_KEYS = ("centre", "version", "choices")
_CHOICE_KEYS = ("side", "reason", "date", "approved_by")
_TEMPLATE = "`metaspine policy` prints a template"


def read_board_policy(path: Path | str) -> BoardPolicy:
    """Read a centre's policy; a conflict that it leaves out keeps the default.

    Raises
    ------
    PolicyError
        When the file cannot be read, has an unknown key, names no centre, or chooses in an unknown conflict, in one
        that is shown only, or a side that is not published.
    """
    file = Path(path)
    try:
        document = parse_case_text(case_text(file), where=str(file), as_json=file.suffix.lower() == ".json")
    except CaseError as error:
        what = error.what.replace("case file", "policy file")
        raise PolicyError(what, where=error.where, remedy=_TEMPLATE) from error
    try:
        return _policy(document)
    except PolicyError as error:
        place = f"{file}, {error.where}" if error.where else str(file)
        raise PolicyError(error.what, where=place, remedy=error.remedy) from error


def _policy(document: Any) -> BoardPolicy:
    if not isinstance(document, dict):
        raise PolicyError(f"a policy is a mapping of keys, not {shown(document)}", remedy=_TEMPLATE)
    _require_keys(document, _KEYS, "")
    choices = document.get("choices")
    if choices is not None and not isinstance(choices, dict):
        remedy = "Write one line a conflict, CONFLICT-...: side"
        raise PolicyError(f"the choices are a mapping, not {shown(choices)}", where="choices", remedy=remedy)
    written = {str(name): _choice(str(name), value) for name, value in (choices or {}).items()}
    return BoardPolicy(
        centre=_text(document, "centre", ""),
        version=_text(document, "version", "", needed=False),
        choices={name: side for name, (side, _) in written.items()},
        grounds={name: ground for name, (_, ground) in written.items() if ground != Ground()},
    )


def _choice(name: str, written: Any) -> tuple[str, Ground]:
    """Return the side and its ground; a bare word is a side without a ground."""
    where = f"choices.{name}"
    if not isinstance(written, dict):
        written = {"side": written}
    _require_keys(written, _CHOICE_KEYS, where)
    ground = Ground(
        reason=_text(written, "reason", where, needed=False),
        decided_on=_date(written.get("date"), where),
        approved_by=_text(written, "approved_by", where, needed=False),
    )
    return _text(written, "side", where), ground


def _require_keys(written: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    for key in written:
        if key not in known:
            near = get_close_matches(str(key), known, n=1, cutoff=0.5)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise PolicyError(
                f"there is no key {shown(key)} here", where=where, remedy=f"{meant}The keys are {', '.join(known)}"
            )


def _text(written: Mapping[str, Any], key: str, where: str, *, needed: bool = True) -> str:
    value, place = written.get(key), f"{where}.{key}".strip(".")
    if value is None or value == "":
        if needed:
            raise PolicyError(f"the policy has no {key}", where=where, remedy=f"Write {place}")
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PolicyError(f"{shown(value)} is no word", where=place, remedy="Write one word or one line of text")
    return str(value)


def _date(written: Any, where: str) -> date | None:
    if written is None:
        return None
    try:
        return date.fromisoformat(str(written))
    except ValueError:
        raise PolicyError(
            f"{shown(written)} is no date", where=f"{where}.date", remedy="Write year-month-day, e.g. 2026-05-04"
        ) from None
