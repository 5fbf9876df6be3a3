"""What a program does to a folder, call by call: written by strace, read here.

strace sees the calls of every thread and library, also of those that ask the kernel without the C library. What it
does not see are stores into mapped memory; `Call.kind` "map" says that a file was mapped for writing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

NAMES = {  # system calls by what they do
    "open": ("open", "openat", "creat"),
    "write": ("write", "pwrite64", "writev", "pwritev", "pwritev2"),
    "seek": ("lseek",),
    "truncate": ("truncate", "ftruncate"),
    "rename": ("rename", "renameat", "renameat2"),
    "unlink": ("unlink", "unlinkat", "rmdir"),
    "mkdir": ("mkdir", "mkdirat"),
    "sync": ("fsync", "fdatasync"),
    "map": ("mmap",),
    "copy": ("sendfile",),
    "enter": ("chdir",),
    "unknown": ("link", "linkat", "symlink", "symlinkat", "copy_file_range", "fallocate"),
}
KINDS = {name: kind for kind, names in NAMES.items() for name in names}

_LINE = re.compile(rb"(\d+) +(.*)")
_CALL = re.compile(rb"(\w+)\((.*)\) += (-?\w+)(?:<(.*)>)?")
_RESUMED = re.compile(rb"<\.\.\. \w+ resumed>(.*)")
_HEX = re.compile(rb"(?:\\x[0-9a-f]{2})+")
_FD = re.compile(rb"(\d+|AT_FDCWD)<(.*)>")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that succeeded. `offset` is None where the file's own position counts; `size` is a truncation's.

    `data` is what was written, of an unknown call its name. A copy takes `size` bytes of `target` from `offset` on.
    """

    kind: str
    path: str
    fd: int = -1
    target: str = ""
    data: bytes = b""
    offset: int | None = None
    size: int = 0
    empties: bool = False
    appends: bool = False


def is_possible() -> bool:
    """Whether programs can be recorded here."""
    if not shutil.which("strace"):
        return False
    return subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True).returncode == 0


def record(command: Sequence[str], folder: Path, output: Path) -> list[Call]:
    """Run a command, with this process's modules; its calls below a folder, in the order of their ends.

    Raises RuntimeError when it fails.
    """
    strace = ["strace", "-f", "--seccomp-bpf", "-y", "-xx", "-qq", "-s", str(1 << 26), "-e", "signal=none"]
    done = subprocess.run(
        [*strace, "-e", f"trace={','.join(KINDS)}", "-o", str(output), *command],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    home = str(folder)
    return [call for call in read(output) if call.path == home or call.path.startswith(f"{home}/")]


def read(output: Path) -> Iterator[Call]:
    """The calls in a file that strace wrote with -f -y -xx, of a program that began in this process's folder."""
    begun: dict[bytes, bytes] = {}
    here = os.getcwd()
    with open(output, "rb") as lines:
        for line in lines:
            match = _LINE.fullmatch(line.rstrip(b"\n"))
            if match is None:
                continue
            thread, text = match[1], match[2]
            if text.endswith(b"<unfinished ...>"):
                begun[thread] = text.removesuffix(b"<unfinished ...>")
                continue
            if resumed := _RESUMED.fullmatch(text):
                text = begun.pop(thread) + resumed[1]
            if (call := _parse(text)) is None or not call.path:
                continue
            call = replace(call, path=os.path.join(here, call.path), target=os.path.join(here, call.target))
            if call.kind == "enter":
                here = call.path
            else:
                yield call


def _parse(text: bytes) -> Call | None:
    match = _CALL.match(text)
    if match is None or match[3].startswith(b"-") or (kind := KINDS.get(match[1].decode())) is None:
        return None
    name, words = match[1].decode(), [word.strip() for word in match[2].split(b", ")]
    fd, path = _descriptor(words[0])
    if kind == "unknown":
        return Call(kind, _path(words[-1]) or path, fd, data=name.encode())
    if kind == "open":
        opened, path = _descriptor(match[3] + b"<" + (match[4] or b"") + b">")
        return Call(kind, path, opened, empties=b"O_TRUNC" in match[2], appends=b"O_APPEND" in match[2])
    if kind == "write":
        offset = int(words[3], 0) if name == "pwrite64" else None
        if name in ("writev", "pwritev", "pwritev2"):
            return Call("unknown", path, fd, data=name.encode())
        return Call(kind, path, fd, data=_text(words[1])[: int(match[3])], offset=offset)
    if kind == "seek":
        return Call(kind, path, fd, offset=int(match[3], 0))
    if kind == "copy":
        start = int(words[2].split(b"]")[0].strip(b"["), 0)
        return Call(kind, path, fd, target=_descriptor(words[1])[1], offset=start, size=int(match[3]))
    if kind == "truncate":
        return Call(kind, path or _path(words[0]), fd, size=int(words[1], 0))
    if kind == "map":
        writes = b"MAP_SHARED" in match[2] and b"PROT_WRITE" in match[2]
        return Call(kind, _descriptor(words[4])[1]) if writes else None
    if kind == "rename":
        at = (_path(words[0]), _path(words[1])) if name == "rename" else (_at(words[0:2]), _at(words[2:4]))
        return Call(kind, at[0], target=at[1])
    if kind in ("unlink", "mkdir", "enter"):
        return Call(kind, _at(words[0:2]) if name.endswith("at") else _path(words[0]))
    return Call(kind, path, fd)


def _text(word: bytes) -> bytes:
    """A string's bytes: all of them are written as \\x.., so that no comma or quotation mark is one of them."""
    return bytes.fromhex(word.strip(b'"').replace(b"\\x", b"").decode())


def _path(word: bytes) -> str:
    return os.fsdecode(_text(word)) if word.startswith(b'"') else ""


def _at(words: Sequence[bytes]) -> str:
    return os.path.join(_descriptor(words[0])[1], _path(words[1]))


def _descriptor(word: bytes) -> tuple[int, str]:
    """A descriptor's number and the path of what it is."""
    if (match := _FD.fullmatch(word)) is None:
        return -1, ""
    plain = _HEX.sub(lambda part: _text(part[0]), match[2])
    return -1 if match[1] == b"AT_FDCWD" else int(match[1]), os.fsdecode(plain)
