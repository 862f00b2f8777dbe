"""Small changes to the rules and to the code of the assessment, each put in place and taken out again."""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import metaspine.assessment as room
from metaspine.assessment import tables

COMPARISON: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
STEPS = {"below": "at_most", "at_most": "below", "above": "at_least", "at_least": "above"}


@dataclass(frozen=True)
class Mutant:
    """One change, by the name that says where it is and what it does."""

    name: str
    put_in: Callable[[], Callable[[], None]]
    """Puts the change in place and returns what takes it out again."""

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Hold the change in place."""
        take_out = self.put_in()
        forget()
        try:
            yield
        finally:
            take_out()
            forget()


def forget() -> None:
    """Empty every cache of the assessment, so that tables are read anew."""
    for name, module in list(sys.modules.items()):
        if name.startswith("metaspine.assessment"):
            for value in vars(module).values():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


def mutants_of_tables() -> Iterator[Mutant]:
    """Yield the mutants of every table of rules and points."""
    for name in tables.table_names():
        content = tables.table(name)
        for part, entries in content.items():
            if (name, part) in tables.rule_parts():
                yield from _of_rules(name, part, entries)
            elif part in ("items", "bands", "categories", "class", "haemato", "targetable", "regions"):
                yield from _of_points(name, (part,), entries)


def _of_rules(name: str, part: str, entries: list[dict[str, Any]]) -> Iterator[Mutant]:
    for place, entry in enumerate(entries):
        where = f"{name}.{part}.{entry['id']}"
        yield _table_mutant(f"{where}: left out", name, (part,), lambda rules, place=place: rules.pop(place))
        for fact, wanted in entry["when"].items():
            yield _table_mutant(
                f"{where}: without {fact}", name, (part, place, "when"), lambda when, fact=fact: when.pop(fact)
            )
            if isinstance(wanted, dict):
                yield from _of_bound(f"{where}: {fact}", name, (part, place, "when", fact), wanted)
        for number in range(len(entry.get("any_of", ()))):
            yield _table_mutant(
                f"{where}: without alternative {number}",
                name,
                (part, place, "any_of"),
                lambda groups, number=number: groups.pop(number),
            )
        if place + 1 < len(entries):
            yield _table_mutant(
                f"{where}: after {entries[place + 1]['id']}",
                name,
                (part,),
                lambda rules, place=place: rules.insert(place + 1, rules.pop(place)),
            )


def _of_bound(where: str, name: str, path: tuple[Any, ...], wanted: dict[str, Any]) -> Iterator[Mutant]:
    ((operator, operand),) = wanted.items()
    if operator in STEPS:
        yield _table_mutant(f"{where} {STEPS[operator]}", name, path, lambda bound: _renamed(bound, STEPS[operator]))
        for step in (-1, 1):
            yield _table_mutant(
                f"{where} {operator} {operand + step}",
                name,
                path,
                lambda bound, step=step: bound.update({operator: operand + step}),
            )


def _renamed(bound: dict[str, Any], operator: str) -> None:
    ((_, operand),) = bound.items()
    bound.clear()
    bound[operator] = operand


def _of_points(name: str, path: tuple[Any, ...], value: Any) -> Iterator[Mutant]:
    """Yield a mutant for every number of a table of points: one more."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, found in items:
        if isinstance(found, dict | list):
            yield from _of_points(name, (*path, key), found)
        elif isinstance(found, int | float) and not isinstance(found, bool):
            where = ".".join(map(str, (name, *path, key)))
            yield _table_mutant(
                f"{where}: {found + 1}", name, path, lambda holder, key=key, found=found: _put(holder, key, found + 1)
            )


def _put(holder: Any, key: Any, value: Any) -> None:
    holder[key] = value


def _table_mutant(what: str, name: str, path: tuple[Any, ...], change: Callable[[Any], Any]) -> Mutant:
    def put_in() -> Callable[[], None]:
        read, file = tables._read, tables._files()[name]
        content = copy.deepcopy(read(file))
        part = content
        for key in path:
            part = part[key]
        change(part)
        tables._read = lambda asked: content if asked == file else read(asked)

        def take_out() -> None:
            tables._read = read

        return take_out

    return Mutant(what, put_in)


def mutants_of_code() -> Iterator[Mutant]:
    """Yield the mutants of every function of the assessment."""
    for module in sorted(pkgutil.iter_modules(room.__path__), key=lambda module: module.name):
        yield from _of_module(importlib.import_module(f"{room.__name__}.{module.name}"))


def _of_module(module: Any) -> Iterator[Mutant]:
    source = inspect.getsource(module)
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            for place in range(len(list(_places(function)))):
                yield from _code_mutants(module, source, function.name, place)


def _places(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield the nodes of a function that can be changed; annotations and docstrings are none."""
    for statement in function.body:
        for node in ast.walk(statement):
            negation = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
            number = isinstance(node, ast.Constant) and isinstance(node.value, int)
            if isinstance(node, ast.Compare | ast.BoolOp) or negation or number:
                yield node


def _code_mutants(module: Any, source: str, function: str, place: int) -> Iterator[Mutant]:
    tree = ast.parse(source)
    found = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function)
    node = list(_places(found))[place]
    before = ast.unparse(node)
    _change(node)
    ast.fix_missing_locations(tree)
    code = _code_of(compile(tree, str(module.__file__), "exec"), function)
    target = _function(module, function)
    if code is None or target is None:
        return
    short = module.__name__.rpartition(".")[2]
    yield Mutant(f"{short}.{function}: {before} becomes {ast.unparse(node)} ({place})", lambda: _replace(target, code))


def _change(node: ast.AST) -> None:
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARISON[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.UnaryOp):
        node.op, node.operand = ast.Not(), ast.UnaryOp(ast.Not(), node.operand)
    elif isinstance(node, ast.Constant):
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1


def _code_of(code: CodeType, function: str) -> CodeType | None:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_name == function:
                return constant
            nested = _code_of(constant, function)
            if nested is not None:
                return nested
    return None


def _function(module: Any, name: str) -> FunctionType | None:
    """Return the function of a module or of one of its classes; the one under a cache where it has one."""
    holders = [module, *(value for value in vars(module).values() if inspect.isclass(value))]
    for holder in holders:
        found = vars(holder).get(name)
        found = found.fget if isinstance(found, property) else found
        found = inspect.unwrap(found) if callable(found) else None
        if isinstance(found, FunctionType) and found.__module__ == module.__name__:
            return found
    return None


def _replace(target: FunctionType, code: CodeType) -> Callable[[], None]:
    before = target.__code__
    if before.co_freevars != code.co_freevars:
        return lambda: None
    target.__code__ = code

    def take_out() -> None:
        target.__code__ = before

    return take_out
