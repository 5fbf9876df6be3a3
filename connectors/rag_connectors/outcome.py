"""One file to its outcome: read safely, parsed by kind, every error in words. Never raises for a bad file.

This runs in a child process (`worker.py`), and in the parent for small UTF-8 text alone: decoding and a linear pattern
are all that happens to that, in limited time and memory whatever the bytes are.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from base64 import b64encode
from collections.abc import Callable
from importlib import import_module
from typing import Any

from rag_connectors.kinds import Kind, kind_of, magic_of, suffix_of
from rag_connectors.office.legacy import actual
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, ParseOutcome, RefusalError
from rag_connectors.reading import read
from rag_connectors.text import clean, one_line

_HEAD = 8192  # bytes that tell whether a file of unknown kind is text
_GZIP = b"\x1f\x8b"
_MAX_TITLE = 300  # characters
_MAX_TEXT = 100_000_000  # characters of one file
_NO_TITLES = frozenset(
    "untitled|untitled document|document1|powerpoint presentation|slide 1|book1|no title|(no subject)".split("|")
)
_HINTS = {
    ": unpack it and ingest the folder": ".zip .tar .tgz .gz .bz2 .xz .zst .7z .rar .jar",
    ": export it as PDF or in an Office format": ".pages .numbers .key .one .vsd .vsdx .mpp .pub .wpd .wps .xps .djvu "
    ".mobi .azw .azw3",
    ": export it as CSV": ".parquet .sqlite .db .mdb .accdb .dbf .feather",
}
_ADVICE = {suffix: hint for hint, suffixes in _HINTS.items() for suffix in suffixes.split()}
_PLAIN, _MBOX = Kind("plain", 3, ""), Kind("mbox", 1, "")
_MARKUP = (  # of pages whose name is that of what made them: "index.php?id=3", "page.aspx"
    (b"<!doctype html", "x.html"), (b"<html", "x.html"), (b"<?xml", "x.xml"), (b"<svg", "x.svg"),
)  # fmt: skip
_MAILS = re.compile(rb"From \S+ [^\n]*\d\d:\d\d[^\n]*\n[!-9;-~]+:")


def outcome(path: str, name: str, options: ParseOptions, *, inode: int = 0) -> ParseOutcome:
    """Read and parse the file at `path`, called `name` in the index."""
    sha256 = ""
    try:
        kind = kind_of(name.removesuffix(".gz"))
        if kind is None:
            kind = sniff(read(path, limit=options.max_bytes, inode=inode, head=_HEAD), name)
        data = read(path, limit=options.max_bytes, inode=inode)
        sha256 = hashlib.sha256(data).hexdigest()
        return outcome_of(data, name, options, kind, sha256)
    except RefusalError as refusal:
        return ParseOutcome(refusal.status, refusal.reason, sha256, scans=refusal.scans)
    except MemoryError:
        raise
    except Exception as error:  # parsers raise nearly anything for damaged files
        return ParseOutcome("failed", _words(error), sha256)


def outcome_of(data: bytes, name: str, options: ParseOptions, kind: Kind, sha256: str) -> ParseOutcome:
    """Parse bytes. Raises RefusalError, or what the parser raises."""
    if name.endswith(".gz"):
        data, name = _gunzip(data, options.max_bytes), name.removesuffix(".gz")
    if not data:
        raise RefusalError("empty", "skipped")
    magic = magic_of(data) if kind.text else ""
    if magic:
        raise RefusalError(f"its content is {magic}, not what its name says")
    parse: Callable[[bytes, str, ParseOptions], Parsed] = import_module(
        f"rag_connectors.formats.{actual(data, kind.name)}"
    ).parse
    parsed = parse(data, name, options)
    records = tuple(record for record in (_finish(record, name) for record in parsed.records) if record.text)
    if not records:
        why = "; ".join(parsed.lost or parsed.notes) or "there is no text in it"
        raise RefusalError(why, "failed" if parsed.lost else "skipped", scans=parsed.scans)
    if sum(len(record.text) for record in records) > _MAX_TEXT:
        raise RefusalError(f"too large: more than {_MAX_TEXT:,} characters of text", "skipped")
    status, reason = "degraded" if parsed.lost else "ok", "; ".join((*parsed.lost, *parsed.notes))
    letters = tuple((page, b64encode(packed).decode()) for page, packed in parsed.letters)
    return ParseOutcome(status, reason, sha256, records, parsed.scans, letters)


def sniff(head: bytes, name: str) -> Kind:
    """The kind by its name, else by its first bytes. Raises RefusalError for what is no text."""
    if known := kind_of(name.removesuffix(".gz")):
        return known
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16
    magic = magic_of(head)
    if magic or (b"\0" in head and not marked):
        what = suffix_of(name) or magic or "no suffix"
        raise RefusalError(f"unsupported type of file ({what}){_ADVICE.get(what.lower(), '')}", "skipped")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    marked_up = next((kind_of(name) for mark, name in _MARKUP if start.startswith(mark)), None)
    return _MBOX if _MAILS.match(head) else marked_up or _PLAIN


def _gunzip(data: bytes, limit: int) -> bytes:
    """Every member of a gzip file, one behind the other. Raises RefusalError."""
    unpacked = b""
    while True:
        unzip = zlib.decompressobj(wbits=31)
        try:
            unpacked += unzip.decompress(data, limit + 1 - len(unpacked))
        except zlib.error as error:
            raise RefusalError("damaged, or no gzip file") from error
        if len(unpacked) > limit:
            raise RefusalError(f"refused: it unpacks to more than {limit >> 20} MB")
        if not unzip.eof:
            raise RefusalError("damaged: the gzip file is cut short")
        data = unzip.unused_data.lstrip(b"\0")
        if not data.startswith(_GZIP):  # other bytes behind a member belong to none
            return unpacked


def _finish(record: ParsedRecord, name: str) -> ParsedRecord:
    """What holds for every record: no white space at the end, spans inside it, a sensible title, clean strings."""
    text = record.text.rstrip()
    spans = sorted((start, min(end, len(text)), kind, one_line(label)) for start, end, kind, label in record.spans)
    meta = {one_line(path): _clean(values) for path, values in record.meta.items()}
    spans = [span for span in spans if span[0] < span[1] and span[3]]
    title = one_line(record.title)[:_MAX_TITLE].rstrip()
    if not record.key and _says_nothing(title.lower(), os.path.basename(name).lower()):
        title = ""
    return ParsedRecord(text, title, tuple(spans), meta, one_line(record.key))


def _clean(values: Any) -> Any:
    if isinstance(values, tuple):
        return tuple(map(_clean, values))
    return clean(values) if isinstance(values, str) else values


def _says_nothing(title: str, name: str) -> bool:
    """Whether a file's title says no more than its name or the name of the program that wrote it."""
    return title in _NO_TITLES or title == name or title.startswith("microsoft word - ")


def _words(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "refused: it is nested too deeply"
    detail = one_line(str(error))[:200]
    return f"damaged, or not what its name says ({type(error).__name__}{': ' * bool(detail)}{detail})"
