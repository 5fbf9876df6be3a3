"""`rag status` and `rag config`: what is indexed, and by which settings."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rag.cli.inspect import find_source, show_source
from rag.cli.options import IndexOption, JsonOption, PipelineOption, TrustOption
from rag.cli.terminal import clean, line, say, say_json, tell_unfinished
from rag.errors import IndexMissing

if TYPE_CHECKING:
    from rag.index.folder import Index

SHOWN = 50
NAMED = 10  # files with a note


def status(
    file: Annotated[str | None, Argument(help="A file that is indexed: what was read of it.", metavar="[FILE]")] = None,
    index: IndexOption = None,
    failed: Annotated[bool, Option("--failed", help="Only files that failed, lost text or were skipped.")] = False,
    odd: Annotated[bool, Option("--odd", help="Only documents that are unlike all others, the oddest first.")] = False,
    beside: Annotated[
        Path | None,
        Option(metavar="FOLDER", help="Whether what another index holds is unlike this one, and what of it most."),
    ] = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Show what is indexed, or what was read of one file.

    \b
    Examples:
      rag status
      rag status --failed
      rag status --odd
      rag status --beside ../last-year
      rag status handbook.pdf
    """

    from rag.index.fields import count_languages
    from rag.index.folder import Index
    from rag.ingest.report import ADDRESS
    from rag.text.languages import language_name

    target = Index.at(index, trust=trust)
    if file is not None:
        show_source(find_source(target, file), json=json)
        return
    if odd:
        _show_odd(target, json=json)
        return
    if beside:
        _show_beside(target, Index.at(beside, trust=trust), json=json)
        return
    with suppress(IndexMissing), target.hold_generation(deep=False):
        pass  # reports a damaged vector index now, and not when the first question comes
    with closing(target.read_manifest(whole=True)) as manifest:
        counts, facts, sources = manifest.counts(), manifest.facts(), list(manifest.sources().values())
        languages = count_languages(manifest)
    if failed:
        sources = [s for s in sources if s.status != "ok"]
    files = [{"source": s.name, "status": s.status, "reason": s.reason, "chunks": s.chunks} for s in sources]
    unfinished = tell_unfinished(target)
    if json:
        about = {"index": str(target.path), "pipeline": facts.get("pipeline"), "languages": languages}
        about["unfinished"] = unfinished
        say_json({**about, **counts, "files": files})
        return
    say(f"{target.path}  (pipeline {line(facts.get('pipeline', 'none'))}, generation {target.live_number() or 'none'})")
    say(", ".join(f"{n:,} {name}" for name, n in counts.items()))
    told = [s.name for s in sources if ADDRESS in s.reason]
    if told:
        more = f" and {len(told) - NAMED:,} more" if len(told) > NAMED else ""
        say(f"Texts in these speak to whoever answers, and answer nothing alone: {line(', '.join(told[:NAMED]))}{more}")
    if named := [f"{language_name(code)} {n:,}" for code, n in languages.items() if code]:
        say(f"languages of documents: {', '.join(named)}{f', unknown {n:,}' if (n := languages.get('')) else ''}")
    for s in sources[:SHOWN]:
        say(f"  {s.status:>8}  {s.chunks:>5} chunks  {line(s.name)}{': ' + line(s.reason) if s.reason else ''}")
    if len(sources) > SHOWN:
        say(f"  and {len(sources) - SHOWN:,} more; --json lists all")


def _show_odd(index: Index, *, json: bool) -> None:
    from dataclasses import asdict

    from rag.maintain.odd import find_odd

    with closing(index.read_manifest()) as manifest:
        found = find_odd(manifest, SHOWN)
    if json:
        say_json({"index": str(index.path), "odd": [asdict(one) for one in found]})
        return
    say("distance to the nearest documents, the farthest first; beside it the nearest of all")
    for one in found:
        name = f"{one.source} ({one.title})" if one.title else one.source
        say(f"  {one.distance:.2f}  {line(name)}  - {line(one.nearest)}")


def _show_beside(index: Index, other: Index, *, json: bool) -> None:
    from dataclasses import asdict

    from rag.maintain.depth import compare_indexes

    found = compare_indexes(index, other)
    if json:
        say_json({"index": str(index.path), "beside": str(other.path), **asdict(found)})
        return
    kind = "unlike" if found.chance < 0.01 else "no surer unlike than by chance"
    say(f"{found.passages[1]:,} passages of {other.path} are {kind} the {found.passages[0]:,} of {index.path}:")
    say(f"Q {found.share:.2f} (0.5 where both are of one kind), chance {found.chance:.2g}; its least central sources:")
    for source, depth in found.farthest:
        say(f"  {depth:.2f}  {line(source)}")


def config(
    pipeline: PipelineOption = None, index: IndexOption = None, trust: TrustOption = False, json: JsonOption = False
) -> None:
    """Show every option in force, defaults too, and where things are.

    \b
    Examples:
      rag config
      rag config --pipeline fast --json
    """
    import yaml

    import rag
    from rag.config import build, check
    from rag.pipeline import Pipeline

    pipe = Pipeline.load(pipeline, index=index, trust=trust)
    build(pipe.config)
    parts = check(pipe.config)
    stages = {kind: {"use": pipe.config.stages[kind]["use"], **options} for kind, (_, options) in parts.items()}
    settings = pipe.config.settings
    data = {
        "version": rag.__version__,
        "index": str(pipe.index.path),
        "exists": pipe.index.exists(),
        "pipeline": pipe.config.origin,
        **{name: getattr(settings, name) for name in ("k", "depth", "unsupported")},
        "stages": stages,
    }
    if json:
        say_json(data)
    else:
        say(clean(yaml.safe_dump(data, sort_keys=False)), end="")
