"""A document inside another one (Word's altChunk), read by what it is: HTML, MHTML, RTF, Word or plain text."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.message import Message
from importlib import import_module

from rag_connectors.office.legacy import actual
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError

_SMALLEST = 1 << 12  # bytes that it may unpack to; a file inside itself ends there
_KINDS = (
    (b"PK\x03\x04", "docx"),
    (b"{\\rtf", "rtf"),
)
_MARKUP = (b"<!doctype html", b"<html", b"<head", b"<body", b"<p", b"<div", b"<table", b"<h1", b"<ul", b"<?xml")


def embedded(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """Its records, and what was lost; a document that cannot be read is lost."""
    options = replace(options, max_bytes=options.max_bytes // 2)
    if options.max_bytes < _SMALLEST:
        return Parsed((), (f"{name}: documents inside it are nested too deeply",))
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    kind = next((kind for magic, kind in _KINDS if head.startswith(magic)), "")
    kind = actual(data, kind) if kind == "docx" else kind
    if not kind and (b"\nmime-version:" in b"\n" + head.lower() or b"\ncontent-type:" in b"\n" + head.lower()):
        data, kind = _page(message_from_bytes(data)), "html"
    if not kind:
        is_markup = head.lower().startswith(_MARKUP) or name.lower().endswith((".htm", ".html", ".xhtml"))
        kind = "html" if is_markup else "plain"
    try:
        parsed: Parsed = import_module(f"rag_connectors.formats.{kind}").parse(data, name, options)
    except RefusalError as refusal:
        return Parsed((), (f"{name}: {refusal.reason}",))
    return parsed


def _page(message: Message) -> bytes:
    """The page of an MHTML file, else its text, in UTF-8."""
    parts = [part for part in message.walk() if part.get_content_maintype() == "text"]
    page = next((part for part in parts if part.get_content_subtype() == "html"), parts[0] if parts else message)
    data = page.get_payload(decode=True)
    if not isinstance(data, bytes):
        return b""
    try:
        return data.decode(page.get_content_charset() or "utf-8").encode()
    except (LookupError, UnicodeDecodeError):
        return data
