"""A person looks at drafts, one line of input each: accept, edit, reject, skip or stop.

Every decision is written to a file beside the dataset before the next draft is shown, so that an interrupted review
goes on where it stopped. Input comes line by line from any iterator: a terminal, a pipe, a test.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rag_evals.make.draft import Draft
from rag_evals.make.write import Kept

KEYS = "a accept, e edit, r reject, s skip (asked again next time), q stop"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where drafts are shown and lines come from; `ask` raises EOFError when there are no more."""

    show: Callable[[str], None]
    ask: Callable[[str], str]


def decisions(path: Path) -> dict[str, dict[str, Any]]:
    """What was decided before, by `name`; a line cut short is dropped."""
    found: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
            found[row["of"]] = row
        except (ValueError, TypeError, KeyError):
            continue
    return found


def name(draft: Draft) -> str:
    """What a decision is kept under: the answer and the quotes, since a model may put the question otherwise."""
    return json.dumps([draft.answer, *(support.quote for support in draft.supports)], ensure_ascii=False)


def review(
    drafts: Sequence[Draft], path: Path, terminal: Terminal, *, better: Callable[[Draft], Draft] = lambda draft: draft
) -> list[Kept]:
    """The accepted drafts, in order, with those of an earlier review; what is skipped or not reached is left out.

    `better` rewrites a draft before it is shown; those decided before are not rewritten again.
    """
    before = decisions(path)
    left = [draft for draft in drafts if name(draft) not in before]
    if len(left) < len(drafts):
        terminal.show(f"{len(drafts) - len(left)} of {len(drafts)} were decided before.")
    for number, draft in enumerate(left, 1):
        shown = better(draft)
        terminal.show(_shown(shown, f"{number} of {len(left)}"))
        decided = _decide(shown, terminal)
        if decided is None:
            break
        if decided:
            before[name(draft)] = decided
            path.touch(0o600)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(decided, ensure_ascii=False) + "\n")
    return list(_kept(drafts, before))


def _kept(drafts: Sequence[Draft], decided: dict[str, dict[str, Any]]) -> Iterator[Kept]:
    for draft in drafts:
        row = decided.get(name(draft), {})
        if row.get("kept"):
            yield Kept(replace(draft, question=row["question"], answer=row["answer"]), reviewed=True)


def _decide(draft: Draft, terminal: Terminal) -> dict[str, Any] | None:
    """A decision to be remembered, {} for a skip, None to stop."""
    row = {"of": name(draft), "question": draft.question, "answer": draft.answer}
    try:
        while True:
            key = terminal.ask("a/e/r/s/q? ").strip().lower()[:1]
            if key == "q":
                return None
            if key == "s":
                return {}
            if key in ("a", "r"):
                return {**row, "kept": key == "a"}
            if key == "e":
                question = terminal.ask("question (empty: as it is): ").strip() or draft.question
                answer = terminal.ask("answer (empty: as it is): ").strip() or draft.answer
                return {**row, "question": question, "answer": answer, "kept": True}
            terminal.show(KEYS)
    except EOFError:
        return None


def _shown(draft: Draft, place: str) -> str:
    quotes = "\n".join(f"   {support.chunk.address()}: {' '.join(support.quote.split())}" for support in draft.supports)
    return (
        f"\n{place}, {'two hops' if draft.hops > 1 else 'one hop'}\n   {draft.question}\n   = {draft.answer}\n{quotes}"
    )
