"""E-mail messages (eml): the headers people read, the body (plain text before HTML), the names of attachments."""

from __future__ import annotations

from collections.abc import Iterator
from email import errors, policy
from email.message import EmailMessage
from email.parser import BytesParser

from rag_connectors.formats import html
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import decode, one_line
from rag_connectors.writing import TextWriter

_LOSSY = (  # what the standard library's parser mends by leaving something out
    errors.StartBoundaryNotFoundDefect,
    errors.CloseBoundaryNotFoundDefect,
    errors.MultipartInvariantViolationDefect,
    errors.MissingHeaderBodySeparatorDefect,
    errors.InvalidBase64CharactersDefect,
    errors.InvalidBase64LengthDefect,
    errors.InvalidBase64PaddingDefect,
)
_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """One record. The title is the subject; the headers are metadata too."""
    message = BytesParser(policy=policy.default).parsebytes(data)
    lost: list[str] = []
    headers = {field: value for field in _HEADERS if (value := _header(message, field, lost))}
    body = message.get_body(("plain", "html"))
    if not headers and body is None:
        raise RefusalError("damaged, or no e-mail: it has no headers")
    writer = TextWriter()
    for field, value in headers.items():
        writer.add(f"{field}: {value}")
    writer.gap()
    if isinstance(body, EmailMessage):
        _write_body(body, writer, lost)
    writer.gap()
    for attachment in _attachments(message):
        writer.add(f"Attachment: {attachment}")
    if any(isinstance(defect, _LOSSY) for part in message.walk() for defect in part.defects):
        lost.append("the message is damaged or cut off, text may be missing")
    meta = {field.lower(): value for field, value in headers.items()}
    return Parsed((writer.record(title=headers.get("Subject", ""), meta=meta),), tuple(lost))


def _header(message: EmailMessage, field: str, lost: list[str]) -> str:
    try:
        return one_line(str(message.get(field, "")))
    except Exception:  # the standard library raises many things for malformed addresses
        lost.append(f"the header {field} is malformed")
        return ""


def _write_body(body: EmailMessage, writer: TextWriter, lost: list[str]) -> None:
    payload = body.get_payload(decode=True)
    text, damage = decode(payload if isinstance(payload, bytes) else b"", declared=body.get_content_charset() or "")
    if body.get_content_subtype() == "html":
        html.write(text, writer)
    else:
        writer.add(text.strip("\n"))
    lost.extend(filter(None, [damage]))


def _attachments(message: EmailMessage) -> Iterator[str]:
    for part in message.walk():
        name = part.get_filename()
        if name:
            yield one_line(name)
