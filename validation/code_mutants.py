"""Mutants of the functions: comparisons, and/or, not, constants, choices, what is returned, statements left out."""

from __future__ import annotations

import ast
import copy
import gc
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import metaspine.assessment as room
from validation.mutants import Mutant, named_apart

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}
Scope = ast.FunctionDef | ast.Lambda
LONGEST_NAME = 100


@dataclass(frozen=True)
class Site:
    """A node that can be changed, and where it hangs."""

    parent: ast.AST
    field: str
    number: int | None
    node: ast.AST
    scopes: tuple[Scope, ...]
    """The functions around it, from the outermost."""

    def put(self, node: ast.AST) -> None:
        """Hang another node in its place."""
        if self.number is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.number] = node


def code_mutants() -> Iterator[Mutant]:
    """Yield the mutants of every function of the assessment."""
    names = sorted(module.name for module in pkgutil.iter_modules(room.__path__))
    modules = [importlib.import_module(f"{room.__name__}.{name}") for name in names]
    functions = _functions_by_file()
    for module in modules:
        yield from named_apart(_of_module(module, functions.get(str(module.__file__), [])))


def function_keys() -> dict[int, str]:
    """Return the key of every function's code, by the identity of the code object."""
    found: dict[int, str] = {}
    for path, functions in _functions_by_file().items():
        for function in functions:
            for code in _codes_in(function.__code__):
                found[id(code)] = _key(Path(path).name, code.co_firstlineno, code.co_name)
    return found


def _key(file: str, line: int, name: str) -> str:
    return f"{file}:{line} {name}"


def _of_module(module: ModuleType, functions: list[FunctionType]) -> Iterator[Mutant]:
    source, file = inspect.getsource(module), Path(str(module.__file__)).name
    tree = ast.parse(source)
    original = compile(source, str(module.__file__), "exec")
    for site in _sites(tree, "body", None, tree, ()):
        for changed in _changes(site.node):
            ast.copy_location(changed, site.node)
            yield Mutant(
                f"{_said(file, site)}: {_short(site.node)} becomes {_short(changed)}",
                f"{file.removesuffix('.py')}.{_name(site.scopes[0])}",
                file,
                frozenset(_key(file, _first_line(scope), _name(scope)) for scope in site.scopes),
                (),
                _put_in(tree, site, changed, original, functions),
            )


def _said(file: str, site: Site) -> str:
    names = [_name(scope) for scope in site.scopes if isinstance(scope, ast.FunctionDef)]
    return ".".join((file.removesuffix(".py"), *(names or ["lambda"])))


def _short(node: ast.AST) -> str:
    """Return a node on one line; of an "if" its condition alone."""
    text = f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else " ".join(ast.unparse(node).split())
    return text if len(text) <= LONGEST_NAME else text[:LONGEST_NAME] + "..."


def _name(scope: Scope) -> str:
    return scope.name if isinstance(scope, ast.FunctionDef) else "<lambda>"


def _first_line(scope: Scope) -> int:
    decorators = scope.decorator_list if isinstance(scope, ast.FunctionDef) else []
    return min([scope.lineno, *(decorator.lineno for decorator in decorators)])


def _sites(parent: ast.AST, field: str, number: int | None, node: ast.AST, scopes: tuple[Scope, ...]) -> Iterator[Site]:
    """Yield every node within functions; annotations, decorators, defaults and docstrings are none."""
    if scopes and isinstance(node, ast.stmt | ast.expr):
        yield Site(parent, field, number, node, scopes)
    within = (*scopes, node) if isinstance(node, ast.FunctionDef | ast.Lambda) else scopes
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "args") and not isinstance(node, ast.Call):
            continue
        if isinstance(value, ast.AST):
            yield from _sites(node, name, None, value, within)
        elif isinstance(value, list):
            for at, each in enumerate(value):
                if isinstance(each, ast.AST):
                    yield from _sites(node, name, at, each, within)


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.stmt):
        yield from _changes_of_statement(node)
    elif isinstance(node, ast.Compare):
        yield from _turned(node)
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        yield from _without_filters(node)
    else:
        yield from _changes_of_expression(node)


def _turned(node: ast.Compare) -> Iterator[ast.AST]:
    for number, operator in enumerate(node.ops):
        for another in COMPARISONS[type(operator)]:
            changed = copy.deepcopy(node)
            changed.ops[number] = another()
            yield changed


def _changes_of_expression(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield ast.BinOp(node.left, ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.IfExp):
        yield ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield ast.Constant(not node.value if isinstance(node.value, bool) else node.value + 1)


def _changes_of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    if isinstance(node, ast.If) and not isinstance(node.test, ast.Compare | ast.BoolOp):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield ast.Return(ast.Constant(None))
    elif _has_effect(node):
        yield ast.Pass()


def _has_effect(node: ast.stmt) -> bool:
    """Return whether a statement can be left out and the function still be read."""
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    put = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript)
    return called or put or isinstance(node, ast.AugAssign | ast.Raise)


def _without_filters(node: Any) -> Iterator[ast.AST]:
    for number, generator in enumerate(node.generators):
        if generator.ifs:
            changed = copy.deepcopy(node)
            changed.generators[number].ifs = []
            yield changed


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _put_in(
    tree: ast.Module, site: Site, changed: ast.AST, original: CodeType, functions: list[FunctionType]
) -> Callable[[], Callable[[], None]]:
    def put_in() -> Callable[[], None]:
        site.put(changed)
        try:
            code = compile(ast.fix_missing_locations(tree), original.co_filename, "exec")
        finally:
            site.put(site.node)
        before = [(function, function.__code__) for function in functions]
        replaced = dict(_different(original, code))
        if not any(function.__code__ in replaced for function in functions):
            raise LookupError("no function of the program has the code that was to be changed")
        for function, was in before:
            if was in replaced and replaced[was].co_freevars == was.co_freevars:
                function.__code__ = replaced[was]

        def take_out() -> None:
            for function, was in before:
                function.__code__ = was

        return take_out

    return put_in


def _different(one: CodeType, two: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the pairs of functions that are not the same, also those within others."""
    if one == two:
        return
    if one.co_name != "<module>":
        yield one, two
    ours, theirs = _within(one), _within(two)
    if [code.co_name for code in ours] == [code.co_name for code in theirs]:
        for our, their in zip(ours, theirs, strict=True):
            yield from _different(our, their)


def _within(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    yield code
    for inner in _within(code):
        yield from _codes_in(inner)


def _functions_by_file() -> dict[str, list[FunctionType]]:
    """Return every function that lives in this process and comes from the assessment, by its file."""
    folder, found = str(Path(str(room.__file__)).parent), dict[str, list[FunctionType]]()
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and one.__code__.co_filename.startswith(folder):
            found.setdefault(one.__code__.co_filename, []).append(one)
    return found
