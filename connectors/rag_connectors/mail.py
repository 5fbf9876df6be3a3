"""A mail, from whatever file it came, as documents: one for itself, one for each attachment that has text.

A document of an attachment names its mail in the field `parent`; all mails of a conversation have the same `thread`.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.utils import parseaddr, parsedate_to_datetime
from typing import TYPE_CHECKING

from rag_connectors.data_uris import drop_data
from rag_connectors.formats import html
from rag_connectors.kinds import kind_of
from rag_connectors.outcome import outcome_of, sniff
from rag_connectors.parsed import Parsed, ParsedRecord, ParseOptions, RefusalError
from rag_connectors.records import tell_apart
from rag_connectors.text import decode, one_line
from rag_connectors.writing import TextWriter

if TYPE_CHECKING:
    from rag.types import Values

HEADERS = ("From", "To", "Cc", "Date", "Subject")
_MAX_DEPTH = 8  # mails in mails
_MAX_PARTS = 2000  # of one file
_NO_TEXT = ("image/", "audio/", "video/", "font/")
_ADDRESS = re.compile(r"(?:https?://|mailto:|cid:)\S+")
_SUFFIXES = {  # of attachments whose name says nothing, by their type
    "text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "text/markdown": ".md", "text/xml": ".xml",
    "text/calendar": ".ics", "text/rtf": ".rtf", "application/rtf": ".rtf", "application/xhtml+xml": ".xhtml",
    "application/json": ".json", "application/xml": ".xml", "application/pdf": ".pdf", "application/msword": ".doc",
    "application/vnd.ms-excel": ".xls", "application/vnd.ms-powerpoint": ".ppt", "application/epub+zip": ".epub",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/vnd.oasis.opendocument.text": ".odt", "application/vnd.oasis.opendocument.spreadsheet": ".ods",
    "message/rfc822": ".eml", "application/vnd.ms-outlook": ".msg", "application/gzip": ".gz",
}  # fmt: skip


@dataclass(slots=True)
class Attachment:
    """A file in a mail, or another mail. `charset` is the encoding that the mail names for it, `shown` whether it is a
    picture in the body: a logo, a signature.
    """

    name: str
    data: bytes = b""
    type: str = ""
    charset: str = ""
    mail: Mail | None = None
    shown: bool = False


@dataclass(slots=True)
class Mail:
    """What a mail says: its headers, its body in parts (kind "plain" or "html", text), its attachments."""

    headers: dict[str, str] = field(default_factory=dict)
    bodies: list[tuple[str, str]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    id: str = ""
    thread: str = ""


def parsed(mails: Mapping[str, Mail], name: str, options: ParseOptions) -> Parsed:
    """The records of all mails of a file called `name`, by their keys; "" is the key of a mail that is the file."""
    gathered = _Gathered(options)
    for key, mail in mails.items():
        gathered.add(mail, key, name, f"mail {key}" if key else "", {})
    lost, notes = (tuple(dict.fromkeys(said)) for said in (gathered.lost, gathered.notes))
    return Parsed(tuple(gathered.records), lost, notes, gathered.scans)


class _Gathered:
    def __init__(self, options: ParseOptions) -> None:
        self.options = options
        self.records: list[ParsedRecord] = []
        self.lost: list[str] = []
        self.notes: list[str] = []
        self.scans = 0
        self._parts = 0

    def add(self, mail: Mail, key: str, name: str, label: str, above: Mapping[str, Values], depth: int = 0) -> None:
        """A mail, then what it holds. `label` says where it is in the file; `above` are fields it has from there."""
        self.lost.extend(mail.lost)
        writer = TextWriter()
        for header, value in mail.headers.items():
            writer.add(f"{header}: {value}")
        writer.gap()
        start = writer.at
        for kind, text in mail.bodies:
            if kind == "html":
                html.write(text, writer, whole=True)
            elif text.strip():
                writer.add(drop_data(text).strip("\n"))
            writer.gap()
        unread = writer.at > start and self.options.ocr != "always"  # pictures in a body with words
        for attachment in mail.attachments:
            if attachment.name:
                writer.add(f"Attachment: {attachment.name}")
        if label:
            writer.span(0, "mail", label)
        meta: dict[str, Values] = {header.lower(): value for header, value in mail.headers.items()}
        meta |= _origin(mail.headers)
        meta |= {field: value for field, value in (("message_id", mail.id), ("thread", mail.thread)) if value}
        title = mail.headers.get("Subject", "")
        self.records.append(replace(writer.record(title=title, meta={**meta, **above}), key=key))
        fields = ("from", "to", "date", "author", "subject", "thread")
        inherited = {field: meta[field] for field in fields if field in meta}
        parent = f"{name}#{key}" if key else name
        for number, attachment in enumerate(mail.attachments, 1):
            self._parts += 1
            if self._parts > _MAX_PARTS or depth > _MAX_DEPTH:
                self.lost.append("it holds too many mails or attachments: some are left out")
                return
            where = f"{label}, " * bool(label) + f"attachment {attachment.name or number}"
            own = f"{key}/" * bool(key) + f"attachment {number}"
            if attachment.mail:
                self.add(attachment.mail, own, name, where, {"parent": parent}, depth + 1)
            elif not (attachment.shown and unread):
                self._file(attachment, own, where, {**inherited, "parent": parent})

    def _file(self, attachment: Attachment, key: str, label: str, above: Mapping[str, Values]) -> None:
        name = os.path.basename(attachment.name.replace("\\", "/")) or "attachment"
        if kind_of(name.removesuffix(".gz")) is None:
            if attachment.type.startswith(_NO_TEXT):
                return
            name += _SUFFIXES.get(attachment.type, "")
        data = attachment.data
        try:
            kind = sniff(data, name)
            if kind.text and attachment.charset:
                text, damage = decode(data, declared=attachment.charset)
                data = text.encode()
                self.lost.extend([f"{name}: {damage}"] * bool(damage))
            outcome = outcome_of(data, name, self.options, kind, "")
        except RefusalError as refusal:
            self.scans += refusal.scans
            if refusal.status == "failed":
                self.lost.append(f"the attachment {name}: {refusal.reason}")
            return
        except (MemoryError, RecursionError):
            raise
        except Exception as error:  # parsers raise nearly anything for damaged files
            self.lost.append(f"the attachment {name} cannot be read ({type(error).__name__})")
            return
        self.scans += outcome.scans
        said = self.notes if outcome.status == "ok" else self.lost
        said.extend([f"the attachment {name}: {outcome.reason}"] * bool(outcome.reason))
        for record in outcome.records:
            spans = ((0, len(record.text), "attachment", label), *record.spans)
            title = record.title or attachment.name
            own = f"{key}/{record.key}" if record.key else key
            self.records.append(
                replace(record, key=own, spans=spans, title=title, meta={**above, **record.meta, "attachment": name})
            )


def _origin(headers: Mapping[str, str]) -> dict[str, Values]:
    """The date as ISO 8601 has it, where it is one, and who wrote the mail: a name, else an address."""
    found: dict[str, Values] = {}
    with suppress(ValueError):
        found["date"] = parsedate_to_datetime(headers.get("Date", "")).isoformat()
    name, address = parseaddr(headers.get("From", "").partition(">, ")[0])
    return found | ({"author": name or address} if name or address else {})


def flow(text: str, *, delete: bool = False) -> str:
    """Plain text in "flowed" form (RFC 3676) with each paragraph in one line again."""
    lines: list[str] = []
    soft = ""  # what the line goes on from: its quote marks, then "+"
    for line in text.split("\n"):
        marks = len(line) - len(line.lstrip(">"))
        body = line[marks:].removeprefix(" ")
        goes_on = body.endswith(" ") and body != "-- "
        if soft == f"{marks}+" and body != "-- ":
            lines[-1] += body
        else:
            lines.append(">" * marks + " " * bool(marks) + body)
        if goes_on and delete:
            lines[-1] = lines[-1][:-1]
        soft = f"{marks}+" if goes_on else ""
    return "\n".join(lines)


def words_of(bodies: list[tuple[str, str]]) -> Counter[str]:
    """The words of a body, as it is read, and how often each comes; addresses of pages are none."""
    writer = TextWriter()
    for kind, text in bodies:
        html.write(text, writer, whole=True) if kind == "html" else writer.add(text)
    return Counter(re.findall(r"\w+", _ADDRESS.sub("", writer.record().text).casefold()))


def thread_of(references: str, reply_to: str, id: str) -> str:
    """The id of the conversation: that of its first mail."""
    return next((one for one in (*references.split(), *reply_to.split(), id) if one.startswith("<")), "")


def keys(mails: list[Mail]) -> list[str]:
    """A key for each mail of a file: its id, with a number where that is not its own."""
    return tell_apart([one_line(mail.id.strip("<> ")) or f"mail {number}" for number, mail in enumerate(mails, 1)])
