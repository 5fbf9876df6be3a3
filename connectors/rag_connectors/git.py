"""The `git` connector: the files of a repository at a branch, tag or commit, without checking it out.

A root is a folder of a repository on this machine, bare or not, or an address that `git clone` takes; that is kept as a
bare copy in the user's cache and fetched again at each scan. Hooks never run. It does not read submodules, links, or
what Git LFS stores elsewhere.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import IO, Annotated

from pydantic import Field

from rag.errors import InputError
from rag.stages import component
from rag.text.names import is_address, to_name
from rag.types import Loaded, Source
from rag_connectors.files import Files
from rag_connectors.staging import Fetched, FetchError, cache_folder, load_fetched

_SAFE = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never")
_FILES = frozenset([b"100644", b"100755"])  # modes; others are links and submodules
_STORED_ELSEWHERE = b"version https://git-lfs.github.com/"


@component
class Git(Files):
    """Files of git repositories as they are at one commit. What git tracks is read; `gitignore` has no meaning here."""

    ref: Annotated[str, Field(description="Branch, tag or commit; empty: what the repository has checked out.")] = ""
    minutes: Annotated[float, Field(gt=0, description="Minutes that cloning or fetching may take.")] = 10.0

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every file under the roots at the commit, in name order, by name as the `files` connector names it.

        Raises InputError for a root that is in no repository, or has no such commit.
        """
        base, found = os.path.realpath(base), dict[str, Source]()
        for root in roots:
            folder, name, inside = self._find(root, base)
            commit = _git(
                root, "-C", folder, "rev-parse", "--verify", "--quiet", f"{self.ref or 'HEAD'}^{{commit}}"
            ).strip()
            found |= {source.name: source for source in self._list(root, folder, name, inside, commit.decode())}
        yield from sorted(found.values(), key=lambda source: source.name)

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order; fields say which commit changed a file last, when and by whom."""
        with closing(_Blobs()) as blobs:
            yield from load_fetched(super().load, sources, blobs.fetch)

    def _find(self, root: str, base: str) -> tuple[str, str, str]:
        """The repository's git folder, the root's name in the index, and its path in the repository."""
        if self.ref.startswith("-"):
            raise InputError(f"connector: ref: {self.ref}: no branch, tag or commit begins with a dash.")
        if is_address(root):
            return self._copy(root), root.rstrip("/"), ""
        top = os.path.realpath(root)
        if not os.path.isdir(top):
            raise InputError(f"{root}: no such folder. Name a folder of a git repository, or an address to clone.")
        folder = (
            _git(root, "-C", top, "rev-parse", "--absolute-git-dir").decode("utf-8", "surrogateescape").rstrip("\n")
        )
        inside = _git(root, "-C", top, "rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").rstrip("\n")
        return folder, to_name("" if top == base else top.removeprefix(os.path.join(base, ""))), inside

    def _copy(self, address: str) -> str:
        """A bare copy of a repository elsewhere, as it is now."""
        folder = str(cache_folder("git") / hashlib.sha256(address.encode()).hexdigest()[:32])
        if os.path.exists(os.path.join(folder, "HEAD")):
            _git(address, "-C", folder, "remote", "update", "--prune", minutes=self.minutes)
        else:
            os.makedirs(os.path.dirname(folder), exist_ok=True)
            _git(address, "clone", "--quiet", "--mirror", "--", address, folder, minutes=self.minutes)
        return folder

    def _list(self, root: str, folder: str, name: str, inside: str, commit: str) -> Iterator[Source]:
        include, exclude = self._patterns("include", self.include), self._patterns("exclude", self.exclude)
        listing = _git(root, "-C", folder, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", inside or ".")
        for line in filter(None, listing.split(b"\0")):
            facts, _, raw = line.partition(b"\t")
            mode, _, blob, size = facts.split()
            path = os.fsdecode(raw)[len(inside) :]
            hidden = any(part.startswith(".") for part in path.split("/"))
            if mode not in _FILES or hidden or exclude.match_file(path):
                continue
            if not include.patterns or include.match_file(path):
                place = f"{folder}\n{commit}\n{inside}{path}\n{blob.decode()}"
                stamp = (int(size), 0, 0, int(blob[:15], 16))
                yield Source(f"{name}/{to_name(path)}" if name else to_name(path), place, stamp)


class _Blobs:
    """Contents by `git cat-file`, one process for each repository."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def fetch(self, source: Source) -> Fetched:
        """A source's bytes. Raises FetchError."""
        folder, *rest = source.path.split("\n")
        if len(rest) != 3:
            raise FetchError(f"{source.path}: not a place in a git repository")
        commit, path, blob = rest
        data = self._read(folder, blob)
        if data.startswith(_STORED_ELSEWHERE):
            raise FetchError("its content is in Git LFS, not in the repository: ingest a checkout that has it")
        said = _git(folder, "-C", folder, "log", "-1", "--format=%H%n%aI%n%an", commit, "--", path).decode(
            "utf-8", "replace"
        )
        meta = {
            name: value for name, value in zip(("commit", "date", "author"), said.split("\n"), strict=False) if value
        }
        return Fetched(data, source.name, meta)

    def close(self) -> None:
        for process in self._running.values():
            process.kill()
            for stream in (process.stdin, process.stdout):
                if stream:
                    stream.close()
            process.wait()

    def _read(self, folder: str, blob: str) -> bytes:
        if folder not in self._running:
            command = ["git", *_SAFE, "-C", folder, "cat-file", "--batch"]
            self._running[folder] = subprocess.Popen(
                command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        process = self._running[folder]
        stdin: IO[bytes] = process.stdin  # type: ignore[assignment]
        stdout: IO[bytes] = process.stdout  # type: ignore[assignment]
        stdin.write(f"{blob}\n".encode())
        stdin.flush()
        head = stdout.readline().split()
        if len(head) != 3:
            raise FetchError("the repository does not have it any more: run the ingest again")
        return stdout.read(int(head[2]) + 1)[:-1]


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "LC_ALL": "C",
    }


def _git(root: str, *arguments: str, minutes: float = 1.0) -> bytes:
    """What git says. Raises InputError with its own words."""
    try:
        done = subprocess.run(
            ["git", *_SAFE, *arguments], env=_environment(), capture_output=True, timeout=60 * minutes, check=False
        )
    except FileNotFoundError:
        raise InputError(f"{root}: git is not installed; install it, or ingest a checkout with `use: files`.") from None
    except subprocess.TimeoutExpired:
        raise InputError(f"{root}: git takes longer than {minutes:g} minutes (connector.minutes).") from None
    if done.returncode:
        why = (
            " ".join(done.stderr.decode("utf-8", "replace").split())
            or "it has no such branch, tag or commit (connector.ref)"
        )
        raise InputError(f"{root}: git cannot read it: {why}")
    return done.stdout
