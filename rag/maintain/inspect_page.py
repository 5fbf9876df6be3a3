"""One HTML file that shows a source as it is beside what was read of it: pages in pictures, or the file's own text.

It loads nothing and runs nothing; what a document says is shown as text, never as markup.
"""

import base64
from collections.abc import Mapping
from html import escape

from rag.maintain.inspect import SourceView
from rag.types import PAGES, Chunk, Document

SHOWN = 5  # titles, authors and the like

_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title><style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 1rem auto; max-width: 96rem; padding: 0 1rem; }}
.row {{ display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1.5rem; }}
.row {{ border-top: 1px solid #8888; }}
.row img {{ width: 100%; border: 1px solid #8888; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; }}
.row > div:first-child pre {{ font: 13px/1.4 monospace; }}
mark {{ background: none; color: inherit; display: block; margin: .4rem 0; }}
mark {{ border-left: 3px solid #48c; padding-left: .4rem; }}
mark:nth-of-type(even) {{ border-color: #c84; }}
.note {{ opacity: .7; }} h2 {{ font-size: 1rem; margin: .8rem 0 .2rem; }}
</style></head><body>
"""


def inspect_page(
    view: SourceView, *, original: str = "", pictures: Mapping[str, bytes] | None = None, note: str = ""
) -> str:
    """The page. `original` is the file's own text, `pictures` are PNG files by the label of the page they show."""
    row = view.row
    facts = [
        f"{view.characters:,} characters",
        *(f"{count:,} {kind} sections" for kind, count in view.sections.items()),
        f"{view.tables:,} tables",
        f"{row.chunks:,} chunks",
    ]
    parts = [_HEAD.format(title=escape(row.name)), f"<h1>{escape(row.name)}</h1>"]
    parts.append(
        f"<p>{escape(row.status)}{escape(f': {row.reason}' if row.reason else '')} — {escape(', '.join(facts))}</p>"
    )
    parts.append('<p class="note">Left is the file, right is what was read of it; each bar is a chunk.</p>')
    for name, values in view.about.items():
        parts.append(
            f'<p class="note">{name}: {escape(", ".join(values[:SHOWN]))}{", ..." * (len(values) > SHOWN)}</p>'
        )
    if note:
        parts.append(f'<p class="note">{escape(note)}</p>')
    for number, (document, chunks) in enumerate(zip(view.documents, view.chunks, strict=True)):
        pages = [section for section in document.sections if section.kind in PAGES] if pictures else []
        for section in pages:
            picture = (pictures or {}).get(section.label)
            left = _picture(picture, section.label) if picture else '<p class="note">not drawn</p>'
            parts.append(_row(section.label, left, _text(document, chunks, section.start, section.end)))
        if not pages:
            left = f"<pre>{escape(original)}</pre>" if original and not number else ""
            parts.append(_row(document.title, left, _text(document, chunks, 0, len(document.text))))
    return "".join([*parts, "</body></html>\n"])


def _row(heading: str, left: str, right: str) -> str:
    return f'<h2>{escape(heading)}</h2><div class="row"><div>{left}</div><div>{right}</div></div>\n'


def _picture(data: bytes, label: str) -> str:
    return f'<img alt="{escape(label)}" src="data:image/png;base64,{base64.b64encode(data).decode()}">'


def _text(document: Document, chunks: tuple[Chunk, ...], start: int, end: int) -> str:
    """A span of the text, each chunk with a bar; what is in no chunk has none."""
    parts, at = [], start
    for chunk in chunks:
        first, last = max(chunk.start, at), min(chunk.end, end)
        if first < last:
            parts.append(escape(document.text[at:first].strip("\n")))
            parts.append(f"<mark>{escape(document.text[first:last])}</mark>")
            at = last
    parts.append(escape(document.text[at:end].strip("\n")))
    return f"<pre>{''.join(parts)}</pre>"
