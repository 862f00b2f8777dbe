"""The text of a case file, as plain values: YAML or JSON, read strictly.

Duplicate keys, references between nodes (the "billion laughs"), tags, more than one document, depth without end and
words that YAML 1.1 turns into something else (``no``, ``1:30``, ``010``) are refused or stay words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import yaml

from metaspine.errors import CaseError

MOST_BYTES = 1_000_000
MOST_DEPTH = 12

_REWRITE = "Write plain keys and values as in the examples, or see `metaspine schema`"
_REWRITE_JSON = "JSON has double quotes, no comments and no comma behind the last value; a case may also be YAML"
_NO_TABS = "Indent with spaces: YAML allows no tab there"


def case_text(path: Path) -> str:
    """Return the text of a case file.

    Raises
    ------
    CaseError
        When the file is missing, unreadable, too large, empty or no UTF-8 text.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise CaseError(
            f"the case file cannot be read ({error.strerror})",
            where=str(path),
            remedy="Name a YAML or JSON file that exists and that you may read",
        ) from error
    if size > MOST_BYTES:
        raise CaseError(
            f"the file has {size} bytes; a case has a few thousand", where=str(path), remedy="Name the case file itself"
        )
    return _decoded(content, str(path))


def parse_case_text(text: str, *, where: str, as_json: bool) -> Any:
    """Return the values that a case file's text holds.

    Raises
    ------
    CaseError
        When it is not well-formed, or uses what a case file may not.
    """
    try:
        return _parse_json(text) if as_json else _parse_yaml(text)
    except CaseError as error:
        raise CaseError(
            error.what, where=f"{where}, {error.where}" if error.where else where, remedy=error.remedy
        ) from error
    except RecursionError as error:
        raise _too_deep(where) from error


def _decoded(content: bytes, where: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaseError(
            f"the file is not UTF-8 text (byte {error.start})", where=where, remedy="Save the file as UTF-8"
        ) from error
    if not text.strip():
        raise CaseError("the case file is empty", where=where, remedy=_REWRITE)
    return text


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise CaseError(
            f"not well-formed JSON: {error.msg}",
            where=f"line {error.lineno}, column {error.colno}",
            remedy=_REWRITE_JSON,
        ) from error
    except ValueError as error:
        raise CaseError("a number with too many digits", remedy="Write the number in its usual length") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _duplicate(key, "")
        found[key] = value
    return found


def _no_constant(word: str) -> Any:
    raise CaseError(f"{word} is no number", remedy="Leave the key out, or write null, where a number is not known")


def _parse_yaml(text: str) -> Any:
    try:
        loader = _CaseLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        remedy = _NO_TABS if "'\\t'" in (error.problem or "") else _REWRITE
        raise CaseError(
            f"not well-formed YAML: {error.problem}", where=_line(error.problem_mark), remedy=remedy
        ) from error
    except yaml.YAMLError as error:
        raise CaseError(f"not well-formed YAML: {' '.join(str(error).split())}", remedy=_REWRITE) from error
    except ValueError as error:
        raise CaseError("a number with too many digits", remedy="Write the number in its usual length") from error


class _CaseLoader(yaml.SafeLoader):
    """YAML with JSON's few scalar types, without references, tags and duplicate keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node; references and explicit tags are refused."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise CaseError(
                "a reference to another part of the file (& or *)", where=_line(event.start_mark), remedy=_REWRITE
            )
        if getattr(event, "tag", None) is not None:
            raise CaseError(f"the tag {event.tag}", where=_line(event.start_mark), remedy=_REWRITE)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _too_deep(_line(event.start_mark))
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Construct a mapping whose keys are words and stand once."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise CaseError("a key that is no word", where=_line(key.start_mark), remedy=_REWRITE)
            if key.value in seen:
                raise _duplicate(key.value, _line(key.start_mark))
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _construct_int(loader: _CaseLoader, node: Any) -> int:
    return int(loader.construct_scalar(node))


def _construct_float(loader: _CaseLoader, node: Any) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _resolve(tag: str, pattern: str, first: str, construct: Callable[[_CaseLoader, Any], Any] | None = None) -> None:
    name = f"tag:yaml.org,2002:{tag}"
    _CaseLoader.add_implicit_resolver(name, re.compile(f"^(?:{pattern})$"), list(first))
    if construct is not None:
        _CaseLoader.add_constructor(name, construct)


_resolve("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", "~|null|Null|NULL|", "~nN")
_CaseLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^$"), [""])
_resolve("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789", _construct_int)
_resolve(
    "float",
    r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+|(?:0|[1-9][0-9]*)(?=[eE]))(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
    _construct_float,
)


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}" if mark is not None else ""


def _duplicate(key: str, where: str) -> CaseError:
    return CaseError(f"the key {key!r} stands twice", where=where, remedy="Keep one of the two values")


def _too_deep(where: str) -> CaseError:
    return CaseError("values nested without end", where=where, remedy=_REWRITE)
