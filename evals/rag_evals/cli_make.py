"""`rag eval make`: questions from a user's own documents. Thin: parse, call, ask, print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import IndexOption, LlmModelOption

if TYPE_CHECKING:
    from rag_evals.make.draft import Draft


def make(
    out: Annotated[Path, typer.Argument(help="The dataset to write: a .jsonl or .csv file.")],
    index: IndexOption = None,
    n: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many questions to propose at most.")] = 40,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed proposes other questions.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="Accept all without a look; they are marked unreviewed.")] = False,
    llm: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Let a language model put them better: an OpenAI-compatible URL, a model's folder, or auto.",
        ),
    ] = None,
    model: LlmModelOption = None,
) -> None:
    """Propose questions about your documents, to accept or reject.

    Each has an answer and its sources, and can be edited. They are mined by rule, from sentences and the links between
    them: no language model, no network, English only. Half are two-hop where the documents allow it. Mined questions
    share words with their source, so they are easier than people's: good for comparing pipelines, not for a claim about
    quality. What you decide is kept in OUT.review, and the same command goes on from there.

    \b
    Examples:
      rag eval make questions.jsonl
      rag eval make questions.csv -n 100 --yes
      rag eval run --questions questions.jsonl --corpus ./docs --pipeline default --pipeline fast
    """
    import os

    from rag import Pipeline
    from rag.cli.terminal import clean, line, say
    from rag.errors import InputError
    from rag_evals.make.mine import chunks, mine
    from rag_evals.make.review import Terminal, review
    from rag_evals.make.write import Kept, check, write

    check(out)
    with Pipeline.load(index=index) as pipeline:
        drafts = mine(chunks(pipeline), n=n, seed=seed)
        base = pipeline.index.base
    if not drafts:
        raise InputError("no question could be mined: the rules need English sentences or tables. Write them by hand.")
    better = _better(llm, model) if llm else lambda draft: draft
    if yes:
        kept = [Kept(better(draft), reviewed=False) for draft in drafts]
    else:
        terminal = Terminal(lambda text: say(clean(text)), _ask)
        kept = review(drafts, out.with_name(f"{out.name}.review"), terminal, better=better)
    if not kept:
        say("nothing accepted, nothing written.")
        return
    write(out, kept)
    two = sum(item.draft.hops > 1 for item in kept)
    two = sum(item.draft.hops > 1 for item in kept)
    name = line(str(out))
    say(f"{name}: {len(kept)} questions, {two} of them two-hop, from {len(drafts)} proposed.")
    folders = [str((base / support.chunk.source).parent) for draft in drafts for support in draft.supports]
    corpus = line(os.path.relpath(os.path.commonpath(folders)))
    say(f"Try: rag eval run --questions {name} --corpus {corpus} --pipeline default --pipeline fast")


def _ask(prompt: str) -> str:
    from rag.cli.terminal import say

    say(prompt, end="")
    return input()


def _better(llm: str, name: str | None) -> Callable[[Draft], Draft]:
    """Rewrites a draft, and says where that did not work."""
    from rag.cli.terminal import say
    from rag_evals.make.rewrite import rewrite
    from rag_evals.model import model

    asked = model(llm, name)

    def better(draft: Draft) -> Draft:
        found, problem = rewrite(draft, asked)
        if problem:
            say(f"(as mined: {problem})")
        return found

    return better
