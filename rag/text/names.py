r"""How the index names a file: its path as text, with `/` between folders.

A path may hold bytes that are no UTF-8; each is written `\xe9`. A file whose own name looks so gets its backslash
written (`\x5cxe9`): two files never share a name, and `to_path` finds the file again.
"""

import os
import re

_ESCAPE_LIKE = re.compile(r"\\(?=x[0-9a-f]{2})")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")


def to_name(path: str) -> str:
    """The name of a path as the operating system gives it."""
    path = _ESCAPE_LIKE.sub(r"\\x5c", path.replace(os.sep, "/"))
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def to_path(name: str) -> str:
    """The path that has this name."""
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), name.encode()))


def is_address(path: str) -> bool:
    """Whether a root or a name is the address of something elsewhere (`https://...`), not a path."""
    return bool(_ADDRESS.match(path))
