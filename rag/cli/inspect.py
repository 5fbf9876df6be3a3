"""`rag inspect`: what was read of a file, beside the file."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from rag.cli.options import IndexOption, JsonOption, TrustOption
from rag.cli.terminal import line, paint, say, say_json
from rag.errors import InputError

if TYPE_CHECKING:
    from rag.index.folder import Index
    from rag.maintain.inspect import SourceView

FEW = 20  # characters of a page that says hardly anything
SHOWN = 12  # link keys
PAGES = 40  # that are drawn
SCALE = "1.3"  # pixels per point
LONGEST = 1 << 20  # bytes of a file that are shown as text
PATIENCE = 60  # seconds for one page
HtmlOption = Annotated[
    Path | None, Option("--html", metavar="PAGE", help="Write a page that shows the file beside its text.")
]
TEXT = frozenset(
    "txt text log md markdown rst html htm xhtml xml csv tsv json jsonl ndjson ipynb eml mbox yaml yml toml ini cfg "
    "tex org py js ts java go rs c h cpp sql sh css".split()
)


def inspect(
    file: Annotated[str, Argument(help="A file that is indexed.", metavar="FILE")],
    html: HtmlOption = None,
    index: IndexOption = None,
    trust: TrustOption = False,
    json: JsonOption = False,
) -> None:
    """Show the text that was read of a file, chunk by chunk.

    \b
    Examples:
      rag inspect handbook.pdf
      rag inspect handbook.pdf --html handbook.html
    """
    from rag.index.folder import Index

    target = Index.at(index, trust=trust)
    view = find_source(target, file)
    if html is not None:
        _write(view, target, html)
        say(f"{html}: {view.row.name} beside what was read of it")
    elif json:
        say_json(as_json(view))
    else:
        for chunks in view.chunks:
            for chunk in chunks:
                say(paint(line(chunk.address()), "dim"))
                say(chunk.text + "\n")


def find_source(target: Index, file: str) -> SourceView:
    """What is indexed of a file, by its path or its name in the index. Raises InputError."""
    from rag.ingest.sources import name_of
    from rag.maintain.inspect import read_source

    with closing(target.read_manifest(whole=True)) as manifest:
        return read_source(manifest, name_of(file, str(target.base)) if Path(file).exists() else file)


def show_source(view: SourceView, *, json: bool) -> None:
    """What was read of a source, in numbers: text, sections, pages with little text, links, chunks."""
    row = view.row
    if json:
        say_json({name: value for name, value in as_json(view).items() if name != "documents"})
        return
    say(f"{line(row.name)}: {row.status}{f': {line(row.reason)}' if row.reason else ''}")
    for name, values in view.about.items():
        say(f"{name}: {line(values[0])}{f' and {len(values) - 1:,} more' if len(values) > 1 else ''}")
    sections = ", ".join(f"{count:,} {kind}" for kind, count in view.sections.items()) or "none"
    numbers = {"document": len(view.documents), "character": view.characters, "table": view.tables}
    say(", ".join(f"{n:,} {name}{'s' * (n != 1)}" for name, n in numbers.items()))
    say(f"sections: {sections}; chunks: {row.chunks:,}; link keys: {len(view.keys):,}")
    if view.keys:
        say(f"links find it by: {', '.join(map(line, view.keys[:SHOWN]))}{', ...' * (len(view.keys) > SHOWN)}")
    for section, count in view.pages:
        say(f"  {line(section.label):<12} {count:>7,} characters{'  (hardly any text)' * (count < FEW)}")


def as_json(view: SourceView) -> dict[str, object]:
    """Everything about a source but its vectors."""
    from rag.text.origin import find_origin

    row = view.row
    return {
        "source": row.name,
        "status": row.status,
        "reason": row.reason,
        "characters": view.characters,
        "tables": view.tables,
        "sections": view.sections,
        "pages": [{"label": section.label, "characters": count} for section, count in view.pages],
        "keys": view.keys,
        "documents": [
            {
                "id": document.id,
                "title": document.title,
                **find_origin(document.meta)._asdict(),
                "fields": dict(document.meta),
                "text": document.text,
                "sections": [[s.start, s.end, s.kind, s.label] for s in document.sections],
                "chunks": [[chunk.start, chunk.end] for chunk in chunks],
            }
            for document, chunks in zip(view.documents, view.chunks, strict=True)
        ],
    }


def _write(view: SourceView, target: Index, out: Path) -> None:
    """Write the page. Raises InputError for a place that cannot be written."""
    from rag.ingest.sources import path_of
    from rag.maintain.inspect_page import inspect_page

    path = Path(path_of(view.row.name, str(target.base)))
    data, note = b"", ""
    try:
        data = path.read_bytes()
    except OSError as error:
        note = f"The file cannot be read: {error.strerror}."
    if data and view.row.sha256 not in ("", hashlib.sha256(data).hexdigest()):
        data, note = b"", "The file has changed since it was indexed, so it is not shown. `rag ingest` reads it again."
    suffix = path.suffix.lower().removeprefix(".")
    pictures, original = {}, ""
    if data and suffix == "pdf":
        labels = [section.label for section, _ in view.pages][:PAGES]
        pictures = {label: drawn for label in labels if (drawn := _draw(data, label.rpartition(" ")[2]))}
        if len(view.pages) > PAGES:
            note = f"The first {PAGES} pages are drawn."
    elif data and suffix in TEXT:
        original = data[:LONGEST].decode("utf-8", "replace")
    elif data:
        note = f"A .{suffix} file is not drawn here; open it beside this page."
    try:
        out.write_text(inspect_page(view, original=original, pictures=pictures, note=note), encoding="utf-8")
    except OSError as error:
        raise InputError(f"--html {out}: {error.strerror}. Name a file in a folder that is there.") from error


def _draw(data: bytes, number: str) -> bytes:
    """A page as PNG, drawn by a child process with limits; b"" where it cannot be."""
    command = [sys.executable, "-P", "-m", "rag.serve.render", number, SCALE]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout if done.returncode == 0 and number.isdecimal() else b""
