"""URLs of servers, which must hold no secret: names and passwords before an @, keys behind a question mark."""

import re

_USER = re.compile(r"(?<=://)[^\s'\"<>]*(?=@)")
_QUERY = re.compile(r"(://[^\s'\"<>?]*\?)[^\s'\"<>]+")


def holds_secret(url: str) -> bool:
    """Whether a URL has a user, a password, a query or a fragment."""
    return any(sign in url for sign in "@?#")


def redact(text: str) -> str:
    """A text whose URLs say nothing secret any more. Example: "http://me:pw@db/" gives "http://***@db/"."""
    return _QUERY.sub(r"\1***", _USER.sub("***", text))
