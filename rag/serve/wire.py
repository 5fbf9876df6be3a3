"""Between the command and a server of the same user: a socket in `.rag/`, and frames of a kind and bytes.

The command sends its words (JSON). The server answers TAKEN, what the command prints as OUT and ERR, then EXIT with its
code; or COLD, where the command shall run by itself. Whoever is on the other side must be this user, by the kernel's
word. Light: `rag ask` imports this before anything else.
"""

import os
import socket
import stat
import struct
import sys

from rag.index.nearest import SOCKET

TAKEN, OUT, ERR, EXIT, COLD, WORDS = b"t", b"o", b"e", b"x", b"c", b"w"
HEADER = struct.Struct(">cI")
LONGEST = 1 << 20  # bytes of a frame that is accepted
_LOCAL_PEERCRED = 1  # of macOS


def pack(kind: bytes, body: bytes = b"") -> bytes:
    """A frame."""
    return HEADER.pack(kind, len(body)) + body


def open_folder(folder: str) -> int:
    """A descriptor of a `.rag` folder that is this user's and that nobody else may write to. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(fd)
    if status.st_uid != os.geteuid() or status.st_mode & 0o022:
        os.close(fd)
        raise PermissionError(f"{folder}: is another user's, or others may write to it")
    return fd


def address(fd: int, folder: str) -> str:
    """Where the socket of an opened folder is; short on Linux, for no address of a socket has more than 107 bytes."""
    return f"/proc/self/fd/{fd}/{SOCKET}" if sys.platform == "linux" else os.path.join(folder, SOCKET)


def is_private(fd: int) -> bool:
    """Whether the socket in an opened folder is this user's and nobody else may use it. Raises OSError."""
    status = os.stat(SOCKET, dir_fd=fd, follow_symlinks=False)
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def peer(connection: socket.socket) -> int:
    """The user on the other side, -1 where the system does not say."""
    if sys.platform == "linux":
        return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
    if sys.platform == "darwin":
        return int(struct.unpack_from("=II", connection.getsockopt(0, _LOCAL_PEERCRED, 76))[1])
    return -1
