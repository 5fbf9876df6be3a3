"""Outlook's mails (msg): headers, body, attachments. The source is [MS-OXMSG], read by olefile.

A body that is only in RTF is read as its text.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.parser import HeaderParser
from email.utils import format_datetime
from io import BytesIO

import olefile

from rag_connectors.mail import Attachment, Mail, parsed, thread_of
from rag_connectors.mail_headers import read_header
from rag_connectors.markup import read_markup
from rag_connectors.outlook_rtf import unpack
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import clean, decode, one_line

Path = tuple[str, ...]
_MAX_DEPTH = 8  # mails in mails
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_SUBJECT, _SENDER, _SENDER_MAIL, _SENDER_SMTP = "0037", "0C1A", "0C1F", "5D01"
_TO, _CC, _BODY, _HTML, _RTF, _HEADERS = "0E04", "0E03", "1000", "1013", "1009", "007D"
_ID, _REFERENCES, _REPLY_TO = "1035", "1039", "1042"
_NAME, _SHORT_NAME, _TITLE, _DATA, _TYPE = "3707", "3704", "3001", "3701", "370E"
_SENT, _RECEIVED, _CODE_PAGE, _BODY_CODE_PAGE = 0x0039, 0x0E06, 0x3FFD, 0x3FDE


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """A record for the mail and one for each attachment. The title is the subject; the headers are metadata too."""
    try:
        file = olefile.OleFileIO(BytesIO(data))
    except OSError as error:
        raise RefusalError("damaged, or not what its name says: it is no Outlook mail") from error
    with file:
        storage = _Storage(file, {tuple(path) for path in file.listdir(streams=True, storages=True)})
        if not any(path[0] == "__properties_version1.0" for path in storage.paths):
            raise RefusalError("damaged, or not what its name says: it is no Outlook mail")
        return parsed({"": _mail(storage, (), 0)}, name, options)


class _Storage:
    """The streams of the file."""

    def __init__(self, file: olefile.OleFileIO[str], paths: set[Path]) -> None:
        self._file = file
        self.paths = paths

    def bytes(self, at: Path, name: str) -> bytes:
        path = (*at, name)
        return self._file.openstream(list(path)).read() if path in self.paths else b""

    def below(self, at: Path, start: str) -> Sequence[Path]:
        return sorted(path for path in self.paths if path[:-1] == at and path[-1].startswith(start))

    def text(self, at: Path, tag: str, page: str = "") -> str:
        if wide := self.bytes(at, f"__substg1.0_{tag}001F"):
            return clean(wide.decode("utf-16-le", "replace")).rstrip("\0")
        narrow = self.bytes(at, f"__substg1.0_{tag}001E").rstrip(b"\0")
        return decode(narrow, declared=page)[0] if narrow else ""

    def numbers(self, at: Path) -> dict[int, int]:
        """The properties of fixed size, by their numbers."""
        table = self.bytes(at, "__properties_version1.0")
        skip = 32 if not at else 24 if at[-1].startswith("__substg1.0_3701") else 8
        rows = (table[i : i + 16] for i in range(skip, len(table) - 15, 16))
        return {struct.unpack_from("<H", row, 2)[0]: struct.unpack_from("<Q", row, 8)[0] for row in rows}


def _mail(storage: _Storage, at: Path, depth: int) -> Mail:
    mail = Mail()
    numbers = storage.numbers(at)
    page = _page(numbers.get(_CODE_PAGE, 0))

    def text(tag: str) -> str:
        return one_line(storage.text(at, tag, page))

    headers = HeaderParser().parsestr(storage.text(at, _HEADERS, page).replace("\n\n", "\n"))
    address = text(_SENDER_SMTP) or text(_SENDER_MAIL)
    sender = f"{text(_SENDER)} <{address}>" if "@" in address and text(_SENDER) != address else text(_SENDER) or address
    when = next((numbers[tag] for tag in (_SENT, _RECEIVED) if numbers.get(tag)), 0)
    found = {
        "From": sender or read_header(str(headers.get("From", ""))),
        "To": read_header(str(headers.get("To", ""))) or text(_TO),
        "Cc": read_header(str(headers.get("Cc", ""))) or text(_CC),
        "Date": read_header(str(headers.get("Date", ""))) or _date(when),
        "Subject": text(_SUBJECT),
    }
    mail.headers = {name: value for name, value in found.items() if value}
    mail.id = text(_ID) or read_header(str(headers.get("Message-ID", "")))
    references = text(_REFERENCES) or read_header(str(headers.get("References", "")))
    mail.thread = thread_of(references, text(_REPLY_TO) or read_header(str(headers.get("In-Reply-To", ""))), mail.id)
    _add_body(storage, at, mail, page, _page(numbers.get(_BODY_CODE_PAGE, 0)))
    for inside in storage.below(at, "__attach_version1.0_"):
        _add_attachment(storage, inside, mail, page, depth)
    return mail


def _add_body(storage: _Storage, at: Path, mail: Mail, page: str, body_page: str) -> None:
    plain = storage.text(at, _BODY, page)
    markup = storage.bytes(at, f"__substg1.0_{_HTML}0102") or storage.text(at, _HTML, page).encode()
    rtf = storage.bytes(at, f"__substg1.0_{_RTF}0102")
    if plain.strip():
        mail.bodies.append(("plain", plain))
    elif markup:
        mail.bodies.append(("html", read_markup(markup, body_page)[0]))
    elif rtf:
        try:
            mail.bodies.append(unpack(rtf))
        except ValueError as error:
            mail.lost.append(f"its body cannot be read: {error}")


def _add_attachment(storage: _Storage, at: Path, mail: Mail, page: str, depth: int) -> None:
    name = next(filter(None, (one_line(storage.text(at, tag, page)) for tag in (_NAME, _SHORT_NAME, _TITLE))), "")
    inner = (*at, f"__substg1.0_{_DATA}000D")
    if (*inner, "__properties_version1.0") in storage.paths:
        if depth < _MAX_DEPTH:
            mail.attachments.append(Attachment(name, mail=_mail(storage, inner, depth + 1)))
        return
    data = storage.bytes(at, f"__substg1.0_{_DATA}0102")
    mail.attachments.append(Attachment(name, data, one_line(storage.text(at, _TYPE, page))))


def _date(ticks: int) -> str:
    """Tenths of microseconds since 1601 as a header has it."""
    try:
        return format_datetime(_EPOCH + timedelta(microseconds=ticks // 10)) if ticks else ""
    except OverflowError:
        return ""


def _page(number: int) -> str:
    """The name of a code page of Windows."""
    number &= 0xFFFFFFFF
    return {65001: "utf-8", 20127: "", 28591: "latin-1", 50220: "iso-2022-jp", 0: ""}.get(number, f"cp{number}")
