"""E-mail messages (eml): the headers people read, the body in all its parts, attachments as documents of their own.

Of alternatives the plain text is taken, unless it is empty or a stub. Signatures and pictures have no text; what is
encrypted is named as lost.
"""

from __future__ import annotations

import binascii
import quopri
import re
from base64 import b64decode
from codecs import BOM_UTF8
from collections import Counter
from contextlib import suppress
from email import errors
from email._policybase import Compat32
from email.message import Message
from email.parser import BytesParser
from typing import Any

from rag_connectors.encodings import guesses
from rag_connectors.formats import cards
from rag_connectors.mail import HEADERS, Attachment, Mail, flow, parsed, thread_of, words_of
from rag_connectors.mail_headers import read_header, to_bytes
from rag_connectors.markup import read_markup
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError
from rag_connectors.text import decode, one_line

_LOSSY = (  # what the standard library's parser mends by leaving something out
    errors.StartBoundaryNotFoundDefect,
    errors.CloseBoundaryNotFoundDefect,
    errors.MultipartInvariantViolationDefect,
    errors.MissingHeaderBodySeparatorDefect,
    errors.InvalidBase64CharactersDefect,
    errors.InvalidBase64LengthDefect,
    errors.InvalidBase64PaddingDefect,
)
_LOST = {  # types that hide text
    "application/pgp-encrypted": "it is encrypted (PGP)",
    "application/pkcs7-mime": "it is encrypted or sealed (S/MIME)",
    "application/x-pkcs7-mime": "it is encrypted or sealed (S/MIME)",
    "application/ms-tnef": "its attachments are in Outlook's own format (winmail.dat)",
    "application/vnd.ms-tnef": "its attachments are in Outlook's own format (winmail.dat)",
    "message/partial": "it is one part of a mail that was cut",
}
_READ = tuple(name.lower() for name in (*HEADERS, "Message-ID", "References", "In-Reply-To"))
_POLITE = 3  # words: "View in browser"
_STUB = 2  # times as many words in HTML: then the plain text is not the whole of it
_UUENCODED = re.compile(r"^begin [0-7]{3,4} (\S[^\n]*)\n(.*?)^`?\n?end[ \t]*$", re.DOTALL | re.MULTILINE)
_COUNTED = re.compile(rb"\s*(\d{1,12})[ ]*\r?\n")
_RICH = re.compile(r"<param>.*?</param>|</?[A-Za-z-]{1,60}>", re.IGNORECASE | re.DOTALL)
_PGP = "-----BEGIN PGP MESSAGE-----"
_OTHER_LOOKS = frozenset(["text/css", "text/javascript", "text/x-amp-html", "text/watch-html"])  # of the same mail
_NAME_QUOTES = re.compile(r'"([^"\\<>]+)"\s*<')
_MAX_DEPTH = 50  # parts in parts


class _Raw(Compat32):
    """Headers as they are written; bytes beyond ASCII are surrogates."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        return value


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """A record for the mail and one for each attachment. The title is the subject; the headers are metadata too."""
    if counted := _COUNTED.match(data):  # Apple's emlx: how long it is, the mail, settings
        data = data[counted.end() : counted.end() + int(counted[1])]
    mail = read_mail(data)
    if not mail.headers and not any(text.strip() for _, text in mail.bodies) and not mail.attachments:
        raise RefusalError("damaged, or no e-mail: it has no headers")
    return parsed({"": mail}, name, options)


def read_mail(data: bytes) -> Mail:
    """A mail from its bytes, which may begin with a line that an mbox put there."""
    return _mail(_parse(data.removeprefix(BOM_UTF8)), 0)


def _parse(data: bytes) -> Message:
    return BytesParser(policy=_Raw()).parsebytes(data)


def _mail(message: Message, depth: int) -> Mail:
    mail = Mail()
    charset = _charset(message)
    values = {name: [str(value) for key, value in message.raw_items() if key.lower() == name] for name in _READ}
    mail.headers = {
        header: _NAME_QUOTES.sub(
            r"\1 <", ", ".join(filter(None, (read_header(value, charset) for value in values[header.lower()])))
        )
        for header in HEADERS
    }
    mail.headers = {header: value for header, value in mail.headers.items() if value}
    first = {name: read_header(found[0]) if found else "" for name, found in values.items()}
    mail.id = first["message-id"]
    mail.thread = thread_of(first["references"], first["in-reply-to"], mail.id)
    _gather(message, mail, depth)
    if any(isinstance(defect, _LOSSY) for part in message.walk() for defect in part.defects):
        mail.lost.append("the message is damaged or cut off, text may be missing")
    return mail


def _charset(message: Message) -> str:
    """The encoding of headers that name none: the body's, else what all bytes of headers and body may be."""
    raw = b"\n".join(to_bytes(str(value)) for _, value in message.raw_items() if not str(value).isascii())
    if not raw:
        return ""
    for part in message.walk():
        if part.get_content_maintype() == "text":
            if charset := _parameter(part, "charset"):
                return charset
            payload = part.get_payload(decode=True)
            raw += b"\n" + payload if isinstance(payload, bytes) else b""
            break
    try:
        raw.decode()
    except UnicodeDecodeError:
        return next(guesses(raw), "")
    return "utf-8"


def _gather(part: Message, mail: Mail, depth: int) -> None:
    """Add a part, and what is in it, to the mail."""
    kind = part.get_content_type()
    inside: Any = part.get_payload()
    if depth > _MAX_DEPTH:
        mail.lost.append("its parts are nested too deeply: some are left out")
    elif kind in _LOST:
        mail.lost.append(_LOST[kind])
    elif kind == "message/delivery-status" and isinstance(inside, list):
        mail.bodies.append(("plain", "\n\n".join(one.as_string().strip() for one in inside)))
    elif kind.startswith("message/") and isinstance(inside, list):
        mail.attachments.extend(Attachment(_name(part), mail=_inner(part, one, depth + 1)) for one in inside)
    elif kind == "multipart/alternative" and isinstance(inside, list):
        _choose(inside, mail, depth + 1)
    elif isinstance(inside, list):
        for one in inside:
            _gather(one, mail, depth + 1)
    else:
        _leaf(part, kind, mail)


def _inner(part: Message, inside: Message, depth: int) -> Mail:
    """The mail in a part; some programs encode it, which they must not."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
    if "base64" in encoding and not inside.keys():
        with suppress(ValueError):
            inside = _parse(b64decode(str(inside.get_payload())))
            part.set_payload([inside])
    elif "quoted-printable" in encoding:
        inside = _parse(quopri.decodestring(inside.as_bytes()))
        part.set_payload([inside])
    return _mail(inside, depth)


def _choose(alternatives: list[Message], mail: Mail, depth: int) -> None:
    """Add the best alternative's body, both of two that say other things, and the attachments of all."""
    chosen: list[tuple[str, str]] = []
    words = Counter[str]()
    for one in alternatives:
        scratch = Mail()
        _gather(one, scratch, depth)
        mail.attachments += scratch.attachments
        mail.lost += scratch.lost
        others = words_of(scratch.bodies)
        fuller = (others - words).total() > (words - others).total()
        if not (_says_more(others, words) or (fuller and not _says_more(words, others))):
            continue
        is_stub = _STUB * words.total() <= others.total()
        chosen = scratch.bodies if is_stub or not _says_more(words, others) else chosen + scratch.bodies
        words = others if is_stub else words | others
    mail.bodies += chosen


def _says_more(words: Counter[str], others: Counter[str]) -> bool:
    """Whether these have a number that the others lack, or more words than a line of politeness."""
    more = words - others
    return any(map(_has_digit, more)) or more.total() > max(_POLITE if others else 0, words.total() / 20)


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))


def _leaf(part: Message, kind: str, mail: Mail) -> None:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    name, charset = _name(part), _parameter(part, "charset")
    if kind in _OTHER_LOOKS and not name:
        return
    apart = name or part.get_content_disposition() == "attachment"
    if apart or not kind.startswith(("text/", "message/")):
        if data.strip() and not kind.endswith("-signature"):
            shown = kind.startswith("image/") and part.get_content_disposition() != "attachment"
            mail.attachments.append(Attachment(name, data, kind, charset, shown=shown))
        elif name:
            mail.attachments.append(Attachment(name))
        return
    if kind == "text/html":
        text, damage = read_markup(data, charset)
        mail.bodies.append(("html", text))
    elif kind == "text/calendar":
        record = cards.parse(data, "", ParseOptions()).records[0]
        text, damage = record.text, ""
        mail.bodies.append(("plain", text))
    else:
        text, damage = decode(data, declared=charset)
        if kind in ("text/enriched", "text/richtext"):
            text = _RICH.sub("", text.replace("<<", "‹"))
        if _PGP in text:
            damage = _LOST["application/pgp-encrypted"]
        if "flowed" in _parameter(part, "format").lower():
            text = flow(text, delete=_parameter(part, "delsp").lower() == "yes")
        mail.bodies.append(("plain", _UUENCODED.sub(lambda found: _uudecoded(found, mail), text)))
    mail.lost += [damage] * bool(damage)


def _uudecoded(found: re.Match[str], mail: Mail) -> str:
    data = bytearray()
    for line in found[2].encode().splitlines():
        try:
            data += binascii.a2b_uu(line)
        except binascii.Error:
            return found[0]
    mail.attachments.append(Attachment(one_line(found[1]), bytes(data)))
    return ""


def _name(part: Message) -> str:
    """The file name of an attachment; "" where it has none."""
    value = part.get_param("filename", None, "content-disposition") or part.get_param("name", None)
    if isinstance(value, tuple):  # RFC 2231: encoding, language, bytes as Latin-1
        return one_line(decode((value[2] or "").encode("latin-1", "replace"), declared=value[0] or "")[0])
    return read_header(value) if value else ""


def _parameter(part: Message, name: str) -> str:
    value = part.get_param(name, "")
    return str(value[2] if isinstance(value, tuple) else value or "").strip()
