"""What a file really is: `.doc` is often RTF or a page, `.xls` a page or plain text, `.docx` an old file."""

from __future__ import annotations

from io import BytesIO

from rag_connectors.parsed import RefusalError
from rag_connectors.text import one_line

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_STREAMS = (("worddocument", "doc"), ("workbook", "xls"), ("book", "xls"), ("powerpoint document", "ppt"))
_FOLDERS = (("xl/workbook.bin", "xls"), ("word/", "docx"), ("xl/", "xlsx"), ("ppt/", "pptx"), ("content.xml", "odf"))
_PAGES = (b"<html", b"<!doctype html", b"<table", b"<head", b"<body", b"<meta", b"<div", b"<style")
_OFFICE = frozenset(["docx", "xlsx", "pptx", "doc", "xls", "ppt", "rtf", "odf"])
_TABLES = frozenset(["xls", "xlsx"])


def actual(data: bytes, kind: str) -> str:
    """The parser that fits an Office file's content, `kind` if nothing says otherwise. Raises RefusalError."""
    if kind not in _OFFICE:
        return kind
    if data.startswith(OLE):
        return _stream(data, kind)
    if data.startswith(b"PK"):
        return _folder(data, kind)
    head = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if kind in ("docx", "xlsx", "pptx", "odf"):
        return kind  # which says what it is not
    if head.startswith(_PAGES) or (head.startswith(b"<?xml") and b"<html" in head):
        return "html"
    if head.startswith((b"mime-version:", b"from:")):
        return "mhtml"
    if head.startswith(b"<?xml") and b"urn:schemas-microsoft-com:office:spreadsheet" in head:
        return "sheetxml"
    if head.startswith(b"<?xml") and (b"office/word/2003/wordml" in head or b"office/2006/xmlpackage" in head):
        return "one_file"
    if b"\0" in head or head.startswith(b"<?xml"):
        raise RefusalError("damaged, or not what its name says: open it in an Office program and save it anew")
    return "csv" if kind in _TABLES else "plain"


def _stream(data: bytes, kind: str) -> str:
    import olefile  # here: few files need it

    try:
        with olefile.OleFileIO(BytesIO(data)) as file:
            names = {"/".join(entry).lower() for entry in file.listdir()}
    except Exception as error:  # damaged files raise nearly anything
        detail = one_line(str(error))[:100]
        raise RefusalError(
            f"damaged: an old Office file, or one with a password, that cannot be opened ({detail})"
        ) from error
    if names & {"encryptedpackage", "encryptioninfo"}:
        raise RefusalError("encrypted: it needs a password")
    return next((found for name, found in _STREAMS if name in names), kind)


def _folder(data: bytes, kind: str) -> str:
    import zipfile

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = [name.replace("\\", "/").lower().lstrip("/") for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return kind
    return next((found for start, found in _FOLDERS if any(name.startswith(start) for name in names)), kind)
