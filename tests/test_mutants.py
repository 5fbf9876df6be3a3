"""Faults for mutation runs: which there are, that each is another program, and where tests are chosen."""

from __future__ import annotations

import ast

import pytest

from benchmarks.mutants.__main__ import ROOMS, ROOT, choose_tests, find_mutants
from benchmarks.mutants.faults import find_faults


def faults(source: str) -> list[str]:
    return [f"{fault.old} -> {fault.new}" for fault in find_faults(source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b <= c", ["< -> <=", "<= -> <"]),
        ("x = a in b and c is not d", ["in -> not in", "and -> or", "is not -> is"]),
        ("x = (a) + (b)", ["+ -> -"]),
        ("é = 'ü' + (a % b)", ["+ -> -", "% -> *"]),
        ("N = 3\nM = 0.5\nON = True", ["3 -> 4", "0.5 -> 0.625", "True -> False"]),
        ("x = -a if not b else a", ["-a -> a", "not b -> False", "not b -> True", "not b -> b"]),
        ("x = [a for a in b if a]", ["a -> True"]),
        ("sync(path)\nx[k] = v\nn += 1", ["sync(path) -> pass", "x[k] = v -> pass", "n += 1 -> pass", "1 -> 2"]),
        ("def f(n: int = 1) -> int:\n    'text'\n    raise E('text')", ["1 -> 2", "raise E('text') -> pass"]),
        ("def f():\n    return min(a)", ["min -> max", "min(a) -> None"]),
        ("while a:\n    break", ["a -> False", "break -> continue"]),
        ("@dataclass(frozen=True)\nclass A:\n    x: Annotated[int, Field(ge=1)] = 2", ["2 -> 3"]),
        ("x = list(zip(a, b, strict=True))", []),
        ("'text'\nx = 'text'", []),
    ],
)
def test_each_kind_of_fault(source: str, expected: list[str]) -> None:
    assert faults(source) == expected


@pytest.mark.parametrize("room", ROOMS)
def test_every_fault_is_another_program_and_its_module_has_tests(room: str) -> None:
    found = find_mutants([room])
    assert len(found) > 20
    for mutant in found[::40]:
        source = (ROOT / mutant.module).read_text(encoding="utf-8")
        changed = mutant.fault.put_into(source)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), mutant
        assert any(choose_tests(mutant)), mutant
