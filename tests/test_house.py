"""The house style as a test: sizes of functions, classes and files, documented public names."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "metaspine"
FILES = sorted(SOURCE.rglob("*.py"))

FUNCTION_LINES, CLASS_LINES, FILE_LINES, POSITIONAL_PARAMETERS = 80, 250, 500, 6
FUNCTION_MEDIAN, FUNCTION_P90 = 12, 35

Function = ast.FunctionDef | ast.AsyncFunctionDef


def lines_without_docstring(node: Function) -> int:
    size = (node.end_lineno or 0) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        text = node.body[0]
        size -= (text.end_lineno or 0) - text.lineno + 1
    return size


def functions(path: Path) -> list[Function]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def too_long(path: Path) -> list[str]:
    return [
        f"{path.name}:{node.lineno} {node.name}"
        for node in functions(path)
        if lines_without_docstring(node) > FUNCTION_LINES
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_sizes(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= FILE_LINES
    assert too_long(path) == []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            assert (node.end_lineno or 0) - node.lineno + 1 <= CLASS_LINES, node.name
        if isinstance(node, Function):
            positional = [a.arg for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
            assert len(positional) <= POSITIONAL_PARAMETERS, node.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module has no docstring"
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_functions_are_short_on_the_whole() -> None:
    sizes = sorted(lines_without_docstring(node) for path in FILES for node in functions(path))
    assert median(sizes) <= FUNCTION_MEDIAN
    assert sizes[int(0.9 * len(sizes))] <= FUNCTION_P90


def test_no_open_ends_and_no_swallowed_exceptions() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "TODO" not in text, path
        assert "FIXME" not in text, path


def test_a_long_function_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    path.write_text("def long():\n" + "    x = 1\n" * (FUNCTION_LINES + 1), encoding="utf-8")
    assert too_long(path) == ["long.py:1 long"]
