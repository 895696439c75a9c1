"""How much a reader of the source must unpack: syntax nodes a line, nested comprehensions, tuples assigned to tuples."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Figures:
    """densities: syntax nodes a line of each function's body; the others: counts over all files."""

    densities: list[float]
    nested_comprehensions: int
    tuple_assignments: int
    lines: int

    def density(self, share: float) -> float:
        """The density that this share of the functions does not exceed."""
        ordered = sorted(self.densities)
        return ordered[int(share * len(ordered))]

    def per_thousand_lines(self, count: int) -> float:
        """A count, for each 1,000 lines."""
        return 1000 * count / self.lines


def figures(paths: Iterable[Path]) -> Figures:
    """The figures of these files together."""
    densities = []
    nested = tuples = lines = 0
    for path in paths:
        text = path.read_text()
        lines += len(text.splitlines())
        for node in ast.walk(ast.parse(text)):
            nested += isinstance(node, COMPREHENSION) and _is_nested(node)
            tuples += _is_tuple_assignment(node)
            if isinstance(node, FUNCTION) and _body(node):
                densities.append(_density(_body(node)))
    return Figures(densities, nested, tuples, lines)


def _is_nested(node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> bool:
    inner = [child for child in ast.walk(node) if isinstance(child, COMPREHENSION)]
    return len(node.generators) > 1 or len(inner) > 1


def _is_tuple_assignment(node: ast.AST) -> bool:
    """Whether it is like `a, b = x, y`."""
    if not isinstance(node, ast.Assign):
        return False
    return isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    """Its statements, without the docstring."""
    has_docstring = ast.get_docstring(function, clean=False) is not None
    return function.body[1:] if has_docstring else function.body


def _density(body: list[ast.stmt]) -> float:
    nodes = 0
    for statement in body:
        nodes += sum(isinstance(child, (ast.expr, ast.stmt)) for child in ast.walk(statement))
    last = body[-1].end_lineno or body[-1].lineno
    return nodes / (last - body[0].lineno + 1)
