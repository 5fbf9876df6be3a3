"""Which faults a module can be given: each is a piece of its source and what stands there instead. Pure.

Comparisons at their edge and turned round, `and` for `or`, conditions that always or never hold, numbers one larger,
`min` for `max`, a call or an assignment to something's inside left out, None returned, an error not raised. Texts,
annotations and descriptions stay as they are: what a message says is no behaviour of these modules. So do `frozen`,
`slots`, `strict` and `copy`, without which a sound program gives the same results.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
OPERATIONS: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.FloorDiv: "*", ast.Mod: "*", ast.BitOr: "&", ast.BitAnd: "|",
}  # fmt: skip
GUARDS = ("copy", "strict", "ensure_ascii")  # what saves a copy, stops what never happens, or is another spelling
OTHERS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Fault:
    """In the module's source, from `start` to `end`, stands `new` instead of `old`. `line` counts from 1."""

    line: int
    start: int
    end: int
    old: str
    new: str

    def put_into(self, source: str) -> str:
        """The source with it."""
        return source[: self.start] + self.new + source[self.end :]

    def __str__(self) -> str:
        old, new = (" ".join(text.split()) or "nothing" for text in (self.old, self.new))
        return f"{self.line}: {old} -> {new}"


def find_faults(source: str) -> list[Fault]:
    """All of them, in order, each of which leaves a module that can be compiled."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    found = sorted(set(finder.found), key=lambda fault: (fault.start, fault.end, fault.new))
    return [fault for fault in found if _compiles(fault.put_into(source))]


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str) -> None:
        self.source = source
        self.found: list[Fault] = []
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))

    def _offset(self, line: int, column: int) -> int:
        """Where a place of the tree, whose columns count bytes, is in the source."""
        start = self._lines[line - 1]
        text = self.source[start : self._lines[line]].encode()
        return start + len(text[:column].decode())

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _put(self, line: int, start: int, end: int, new: str) -> None:
        old = self.source[start:end]
        if old != new:
            self.found.append(Fault(line, start, end, old, new))

    def _replace(self, node: ast.expr | ast.stmt, new: str) -> None:
        self._put(node.lineno, *self._span(node), new)

    def _between(self, left: ast.expr, right: ast.expr, new: str) -> None:
        """Another operator between two operands."""
        start, end = self._span(left)[1], self._span(right)[0]
        gap = self.source[start:end]
        word = gap.strip("() \n\t\\")
        if word and "#" not in gap:
            at = start + gap.index(word)
            self._put(left.lineno, at, at + len(word), new)

    def visit_Compare(self, node: ast.Compare) -> None:
        for left, operator, right in zip([node.left, *node.comparators], node.ops, node.comparators, strict=False):
            self._between(left, right, COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self._between(left, right, "or" if isinstance(node.op, ast.And) else "and")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in OPERATIONS:
            self._between(node.left, node.right, OPERATIONS[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub):
            start, end = self._span(node)
            self._put(node.lineno, start, end, self.source[self._span(node.operand)[0] : end])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._replace(node, str(not node.value))
        elif isinstance(node.value, int):
            self._replace(node, str(node.value + 1))
        elif isinstance(node.value, float):
            self._replace(node, repr(node.value * 1.25 or 1.0))

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in OTHERS:
            self._replace(node.func, OTHERS[node.func.id])
        if not (isinstance(node.func, ast.Name) and node.func.id == "Field"):  # descriptions, and bounds of options
            self.generic_visit(node)

    def _visit_condition(self, node: ast.If | ast.IfExp | ast.While) -> None:
        if not isinstance(node, ast.While):
            self._replace(node.test, "True")
        self._replace(node.test, "False")
        self.generic_visit(node)

    visit_If = visit_IfExp = visit_While = _visit_condition

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._replace(condition, "True")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._replace(node, "pass")
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if all(isinstance(target, ast.Subscript | ast.Attribute) for target in node.targets):
            self._replace(node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._replace(node, "pass")
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """An argument's annotation is no code."""

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in GUARDS:
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in node.body:  # what a decorator says (frozen, slots) keeps programmers from mistakes
            self.visit(part)

    def _visit_function(self, node: ast.FunctionDef) -> None:
        for part in (*node.args.defaults, *(d for d in node.args.kw_defaults if d), *node.body):
            self.visit(part)

    visit_FunctionDef = _visit_function

    def visit_Return(self, node: ast.Return) -> None:
        if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._replace(node.value, "None")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._replace(node, "pass")  # what the error says is text

    def visit_Break(self, node: ast.Break) -> None:
        self._replace(node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self._replace(node, "break")
