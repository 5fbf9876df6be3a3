"""The results of attacks as a table: a row for each, with 95% intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from rag.cli.terminal import line

COLUMNS = {
    "found": "planted text found",
    "kept": "right answers kept",
    "shown_kept": "right answers or quotes kept",
    "false_said": "false answers said",
    "f1": "F1",
}


def table(found: Mapping[str, Any]) -> Table:
    """Without an attack: the F1, and what of all questions was answered rightly, or shown a right quote."""
    drawn = Table("", *COLUMNS.values(), title=Text(f"{line(found['dataset'])} · {line(found['pipeline'])}"))
    without = found["without"]
    first = {"kept": without["right"], "shown_kept": without["shown"], "f1": without["f1"]}
    drawn.add_row(f"no attack, {found['n']:,} questions", *(_cell(first.get(name), share=True) for name in COLUMNS))
    for result in found["attacks"]:
        cells = (_cell(result["measures"].get(name)) for name in COLUMNS)
        drawn.add_row(f"{result['attack']}, {result['n']:,}", *cells)
    return drawn


def summarise(result: Mapping[str, Any]) -> str:
    """One attack in a line."""
    measures = [(COLUMNS[name], _cell(measure).replace("\n", " ")) for name, measure in result["measures"].items()]
    return f"{result['attack']}, {result['n']:,}: {'; '.join(' '.join(pair) for pair in measures)}"


def _cell(measure: Mapping[str, float] | None, *, share: bool = False) -> str:
    """The mean, its interval and of how many; `share` leaves out the number, which is that of all."""
    if measure is None:
        return "-"
    of = "" if share else f" of {measure['n']:,}"
    return f"{measure['value']:.3f}{of}\n({measure['low']:.3f} to {measure['high']:.3f})"
