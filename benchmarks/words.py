"""Whether the words of real files arrive: the connector's text beside that of another, simpler extraction, by format.

    python -m benchmarks.words FOLDER...

The other extraction reads all text of Office XML parts, of a page's body (without scripts, buttons, what it hides and
what it calls navigation, and lists of nothing but twenty links and more: boxes of links are left out), of the longest
text part of a mail, of every page of a book. Of a PDF it is what both pypdf and pdfminer.six read; where these agree
on less than half of the words, it is pypdf's. Words are those with three letters and more, each as often as it comes,
whatever their order; of a word broken at a line end only the whole counts. Words that pypdf tears ("P agerank") or
glues count where the text has them whole.
Where a page has its main text beside it (`source.html`, `expected.html`), as tests of readers do, that is the measure.
"""

from __future__ import annotations

import argparse
import logging
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import NamedTuple
from xml.etree.ElementTree import fromstring

import pypdf
from pdfminer.high_level import extract_text

from rag_connectors.formats.pdf import LIGATURES
from rag_connectors.outcome import outcome_of, sniff
from rag_connectors.parsed import ParseOptions, RefusalError

EXAMPLES = Path(__file__).parent.parent / "examples" / "documents"
FEW = 0.9  # share of the words: with less, a file must not be "ok"
_WORD = re.compile(r"[^\W\d_]{3,}")
_PIECE = re.compile(r"[^\W\d_]+")
_BROKEN = re.compile(r"[-\u00ad]\s*\n|\u00ad")
_TEXTS = {
    "docx": r"word/(?:document\d*|header\d+|footer\d+|footnotes|endnotes|comments)\.xml",
    "pptx": r"ppt/(?:slides|notesSlides|charts|diagrams/data)[^/]*/[^/]*\.xml",
    "xlsx": r"xl/(?:sharedStrings|worksheets/[^/]*|comments\d*)\.xml",
}
_PARAGRAPHS = frozenset(["p", "si", "is", "comment", "br", "tab", "tc", "v"])
_SILENT = frozenset(["del", "instrText", "delText", "Fallback", "f", "rPh", "legacyDrawing", "headerFooter"])
_UNREAD = frozenset("script style noscript template nav button select svg head textarea footer aside".split())
_LINKS = 20  # in a list that has nothing else
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())


class Reading(NamedTuple):
    """A file: its format, the share of the other extraction's words that is there, status, words that are missing."""

    path: Path
    kind: str
    share: float
    status: str
    missing: list[str]


class _Page(HTMLParser):
    """The text of a page's body."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._lists: list[list[int]] = []  # of each open one: where it starts, its links, its characters outside them
        self._in_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        style = (names.get("style") or "").replace(" ", "")
        unread = tag in _UNREAD or names.get("role") == "navigation" or "hidden" in names or "display:none" in style
        if tag not in _VOID and (self._silent or unread):
            self._silent.append(tag)
        self.parts.append(" " if tag not in ("b", "i", "em", "span", "a", "sup", "sub", "wbr") else "")
        self._in_link = tag == "a" or self._in_link
        if tag == "ul":
            self._lists.append([len(self.parts), 0, 0])
        elif tag == "a" and self._lists:
            self._lists[-1][1] += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            while self._silent.pop() != tag:
                pass
        self.parts.append(" " if tag not in ("b", "i", "em", "span", "a", "sup", "sub") else "")
        self._in_link = tag != "a" and self._in_link
        if tag == "ul" and self._lists:
            start, links, others = self._lists.pop()
            if links >= _LINKS and not others:
                del self.parts[start:]

    def handle_data(self, data: str) -> None:
        if self._lists and not self._in_link:
            self._lists[-1][2] += len(data.strip())
        if not self._silent:
            self.parts.append(data)


def page(markup: str) -> str:
    """The text of a page."""
    reader = _Page()
    reader.feed(markup)
    return "".join(reader.parts)


def _office(data: bytes, kind: str) -> str:
    def walk(node: object) -> Iterator[str]:
        name = node.tag.rpartition("}")[2]  # type: ignore[attr-defined]
        if name in _SILENT:
            return
        yield " " * (name in _PARAGRAPHS)
        yield node.text or "" if name == "t" else ""  # type: ignore[attr-defined]
        for child in node:  # type: ignore[attr-defined]
            yield from walk(child)

    with zipfile.ZipFile(BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if re.fullmatch(_TEXTS[kind], name)]
        return "\n".join("".join(walk(fromstring(archive.read(name)))) for name in names)


def _mail(data: bytes) -> str:
    texts = []
    for part in message_from_bytes(data, policy=policy.default).walk():
        if part.get_content_maintype() == "text" and not part.is_multipart():
            text = str(part.get_content())
            if " " not in text.strip():
                continue  # an encoded mail in the mail
            texts.append(page(text) if part.get_content_subtype() == "html" else text)
    return max(texts, key=len, default="")


def _book(data: bytes) -> str:
    with zipfile.ZipFile(BytesIO(data)) as archive:
        pages = [name for name in archive.namelist() if name.endswith(("html", "htm")) and "nav" not in name]
        return "\n".join(page(archive.read(name).decode()) for name in pages)


OTHERS: dict[str, Callable[[bytes], str]] = {
    "docx": lambda data: _office(data, "docx"),
    "pptx": lambda data: _office(data, "pptx"),
    "xlsx": lambda data: _office(data, "xlsx"),
    "html": lambda data: page(data.decode("utf-8", "replace")),
    "eml": _mail,
    "epub": _book,
    "pdf": lambda data: "\n".join(one.extract_text() for one in pypdf.PdfReader(BytesIO(data)).pages),
}


def read(path: Path) -> Reading | None:
    """Both readings of a file; None where the other extraction finds no words or fails."""
    kind = {"htm": "html", "xhtml": "html"}.get(suffix := path.suffix[1:].lower(), suffix)
    data = path.read_bytes()
    if kind not in OTHERS:
        return None
    main = path.with_name("expected.html")  # of a page, as tests of readers have it beside their `source.html`
    if path == main:
        return None
    try:
        text = page(main.read_text()) if path.name == "source.html" and main.exists() else OTHERS[kind](data)
        words = _words(text)
    except Exception:  # what the simple extraction cannot read, it is no measure for
        return None
    if not words:
        return None
    if kind == "pdf":
        words = _agreed(words, data)
    try:
        outcome = outcome_of(data, path.name, ParseOptions(), sniff(data, path.name), "")
        here, status = _words("\n".join(f"{one.title}\n{one.text}" for one in outcome.records)), outcome.status
    except RefusalError as refusal:
        here, status = Counter(), refusal.status
    missing = words - here
    if kind == "pdf":
        missing -= _mended(text, here)
    return Reading(
        path, kind, 1 - missing.total() / words.total(), status, [word for word, _ in missing.most_common(9)]
    )


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(_BROKEN.sub("", text.translate(LIGATURES)).casefold()))


def _agreed(words: Counter[str], data: bytes) -> Counter[str]:
    """The words that pdfminer.six reads too; all of them where it reads most otherwise: from left to right, say."""
    try:
        both = words & _words(extract_text(BytesIO(data)))
    except Exception:  # what it cannot read, it does not judge
        return words
    return both if 2 * both.total() > words.total() else words


def _mended(text: str, here: Counter[str]) -> Counter[str]:
    """The words of a text that are pieces of one that is here, side by side, or several that are here in one."""
    pieces = _PIECE.findall(_BROKEN.sub("", text.translate(LIGATURES)).casefold())
    found: Counter[str] = Counter()
    for at, piece in enumerate(pieces):
        around = (pieces[a:z] for a in range(max(0, at - 2), at + 1) for z in range(at + 1, at + 4) if z - a > 1)
        glued = any(piece[:i] in here and piece[i:] in here for i in range(3, len(piece) - 2))
        found[piece] += glued or any("".join(some) in here for some in around)
    return found


def rows(found: list[Reading]) -> Iterator[str]:
    """The table."""
    by_kind = defaultdict(list)
    for one in found:
        by_kind[one.kind].append(one)
    yield f"| format | files | words, median | 5th percentile | under {FEW} and ok | marked, of the others |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for kind, some in sorted(by_kind.items()):
        shares = sorted(one.share for one in some)
        silent = sum(one.share < FEW and one.status == "ok" for one in some)
        alarms = sum(one.share >= FEW and one.status != "ok" for one in some)
        yield (
            f"| {kind} | {len(some)} | {median(shares):.3f} | {shares[len(shares) // 20]:.3f} | {silent} | "
            f"{alarms} of {sum(one.share >= FEW for one in some)} |"
        )


def main() -> None:
    """Read every file below the folders, and those of `examples/`; name those with the fewest words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    for name in ("pypdf", "pdfminer"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    folders = [EXAMPLES, *parser.parse_args().folders]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    found = [one for path in paths if (one := read(path))]
    print("\n".join(rows(found)))
    for one in sorted(found, key=lambda one: one.share):
        if one.share < 0.97 or one.status != "ok":
            print(f"{one.share:.3f} {one.status} {one.path} {' '.join(one.missing)}")


if __name__ == "__main__":
    main()
