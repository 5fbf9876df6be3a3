"""Formulas of MathML in a line: `σ = F/A`, `a^2`, `√(x + 1)`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from selectolax.lexbor import LexborNode

_INVISIBLE = re.compile("[\u2061-\u2064]")
_RELATIONS = re.compile(r"[=<>≤≥≈≠≡∼∝±∓→⇒⇔∈∉⊂⊆+×·÷∧∨:]|:=")
_SIMPLE = re.compile(r"[\w.,′']+|\([^()]*\)", re.UNICODE)
_ROOTS = {"2": "√", "3": "∛", "4": "∜"}
_LEFT_OUT = frozenset(["annotation", "annotation-xml", "mphantom", "none", "mprescripts"])


def linear(math: LexborNode) -> str:
    """A <math> element as text; its TeX where it has nothing else."""
    text = " ".join(_walk(math).split())
    if not text:
        annotation = math.css_first("annotation")
        text = (annotation.text() if annotation is not None else "") or math.attributes.get("alttext") or ""
    return " ".join(_INVISIBLE.sub("", text).split())


def _walk(node: LexborNode, depth: int = 0) -> str:
    tag = node.tag or ""
    if tag == "-text":
        return (node.text_content or "").strip()
    if tag in _LEFT_OUT or depth > 200:
        return ""
    children = [child for child in node.iter(include_text=True) if (child.tag or "") != "-comment"]
    parts = [part for child in children if (part := _walk(child, depth + 1)) or child.tag != "-text"]
    if tag == "mo":
        sign = _INVISIBLE.sub("", "".join(parts))
        return f" {sign} " if _RELATIONS.fullmatch(sign) else f"{sign} " if sign in ",;" and sign else sign
    if tag == "mtext":
        return f" {node.text().strip()} "
    form = _FORMS.get(tag)
    return form(parts) if form else "".join(parts)


def _group(text: str) -> str:
    text = text.strip()
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def _part(parts: Sequence[str], number: int) -> str:
    return parts[number].strip() if number < len(parts) else ""


def _script(parts: Sequence[str], marks: str) -> str:
    scripts = (f"{mark}{_group(_part(parts, n))}" for n, mark in enumerate(marks, 1) if _part(parts, n))
    return _part(parts, 0) + "".join(scripts)


_FORMS: dict[str, Callable[[Sequence[str]], str]] = {
    "mfrac": lambda parts: f"{_group(_part(parts, 0))}/{_group(_part(parts, 1))}",
    "msup": lambda parts: _script(parts, "^"),
    "msub": lambda parts: _script(parts, "_"),
    "msubsup": lambda parts: _script(parts, "_^"),
    "mover": lambda parts: _script(parts, "^"),
    "munder": lambda parts: _script(parts, "_"),
    "munderover": lambda parts: _script(parts, "_^"),
    "mmultiscripts": lambda parts: _script(parts, "_^"),
    "msqrt": lambda parts: f"√{_group(''.join(parts))}",
    "mroot": lambda parts: f"{_ROOTS.get(_part(parts, 1), f'root {_part(parts, 1)} of ')}{_group(_part(parts, 0))}",
    "mfenced": lambda parts: f"({', '.join(part.strip() for part in parts)})",
    "mtd": lambda parts: "".join(parts).strip(),
    "mtr": lambda parts: f"{' '.join(filter(None, parts))}; ",
    "mtable": lambda parts: f"[{''.join(parts).strip('; ')}]",
}
