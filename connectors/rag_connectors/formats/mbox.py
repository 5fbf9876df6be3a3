"""Mailboxes in one file (mbox): each mail as documents of its own."""

from __future__ import annotations

import re

from rag_connectors.formats.eml import read_mail
from rag_connectors.mail import keys, parsed
from rag_connectors.parsed import Parsed, ParseOptions, RefusalError

_START = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\d\d:\d\d[^\n]*\n(?=[!-9;-~]+:|>From )")
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def parse(data: bytes, name: str, options: ParseOptions) -> Parsed:
    """The records of every mail; the lines that part them need a time, so that "From" in a text does not."""
    data = data.lstrip(b"\r\n")
    found = list(_START.finditer(data))
    ends = [*(match.start() for match in found[1:]), len(data)]
    mails = [read_mail(_QUOTED.sub(rb"\1", data[match.end() : end])) for match, end in zip(found, ends, strict=False)]
    if not mails:
        raise RefusalError("damaged, or no mailbox: no mail begins in it")
    return parsed(dict(zip(keys(mails), mails, strict=True)), name, options)
