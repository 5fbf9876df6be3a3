"""The `git` connector: the files of a repository at a branch, tag or commit, without checking it out.

A root is a folder of a repository on this machine, bare or not, or an address that `git clone` takes; that is kept as a
bare copy in the user's cache and fetched again at each scan. Hooks never run. It does not read submodules, links, or
what Git LFS stores elsewhere, and says so of each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Annotated

from pydantic import Field

from rag.errors import InputError
from rag.stages import component
from rag.text.names import is_address, to_name
from rag.types import Source
from rag_connectors.elsewhere import Elsewhere
from rag_connectors.git_objects import Objects, git
from rag_connectors.staging import Fetched, FetchError, cache_folder, digest, is_hidden, refuse_password

_FILES = frozenset([b"100644", b"100755"])  # modes
_OTHERS = {
    b"160000": "a submodule, which is another repository: name its own address as a root to read it",
    b"120000": "a link: what it leads to is read where it lies",
}
_STORED_ELSEWHERE = b"version https://git-lfs.github.com/"


@component
class Git(Elsewhere):
    """Files of git repositories as they are at one commit. What git tracks is read; `gitignore` has no meaning here.

    Example: `connector: {use: git, ref: v1.2}`
    and `rag ingest https://example.org/yard.git --pipeline mine.yaml`.
    """

    ref: Annotated[str, Field(description="Branch, tag or commit; empty: what the repository has checked out.")] = ""
    minutes: Annotated[float, Field(gt=0, description="Minutes that cloning or fetching may take.")] = 10.0

    def _look(self, root: str, base: str) -> Iterator[Source]:
        """Every file at the commit, by name as the `files` connector names it.

        Raises InputError for a root that is in no repository, or has no such commit.
        """
        folder, name, inside = self._find(root, base)
        asked = ("rev-parse", "--verify", "--quiet", f"{self.ref or 'HEAD'}^{{commit}}")
        commit = git(root, "-C", folder, *asked).strip()
        tree = ("ls-tree", "-r", "-z", "-l", "--full-tree", commit.decode(), "--", inside or ".")
        listing = git(root, "-C", folder, *tree)
        for line in filter(None, listing.split(b"\0")):
            facts, _, raw = line.partition(b"\t")
            mode, _, blob, size = facts.split()
            path = os.fsdecode(raw)[len(inside) :]
            if not is_hidden(path) and self._takes(path) and (mode in _FILES or mode in _OTHERS):
                object = blob if mode in _FILES else mode
                place = "\n".join((folder, commit.decode(), inside + path, object.decode()))
                stamp = (int(size) if size.isdigit() else 0, 0, 0, digest(blob.decode()))
                yield Source(f"{name}/{to_name(path)}" if name else to_name(path), place, stamp)

    @contextmanager
    def _fetcher(self) -> Iterator[Callable[[Source], Fetched]]:
        """Contents with fields that say which commit changed a file last, when and by whom."""
        with closing(Objects(self.minutes)) as objects:

            def fetch(source: Source) -> Fetched:
                folder, *rest = source.path.split("\n")
                if len(rest) != 3:
                    raise FetchError(f"{source.path}: not a place in a git repository")
                commit, path, blob = rest
                if other := _OTHERS.get(blob.encode()):
                    raise FetchError(other, "skipped")
                if source.stamp[0] > self.max_mb << 20:
                    size = f"{source.stamp[0] / (1 << 20):.1f} MB"
                    raise FetchError(f"too large: {size}, the limit is {self.max_mb} MB (connector.max_mb)", "skipped")
                data = objects.read(folder, blob)
                if data.startswith(_STORED_ELSEWHERE):
                    raise FetchError("its content is in Git LFS, not in the repository: ingest a checkout that has it")
                return Fetched(data, source.name, objects.last_change(folder, commit, path))

            yield fetch

    def _find(self, root: str, base: str) -> tuple[str, str, str]:
        """The repository's git folder, the root's name in the index, and its path in the repository."""
        if self.ref.startswith("-"):
            raise InputError(f"connector: ref: {self.ref}: no branch, tag or commit begins with a dash.")
        if is_address(root):
            refuse_password(root, "git takes it from its own credential helper (git help credentials)")
            return self._copy(root), root.rstrip("/"), ""
        top = os.path.realpath(root)
        if not os.path.isdir(top):
            raise InputError(f"{root}: no such folder. Name a folder of a git repository, or an address to clone.")
        folder, inside = (
            git(root, "-C", top, "rev-parse", asked).decode("utf-8", "surrogateescape").rstrip("\n")
            for asked in ("--absolute-git-dir", "--show-prefix")
        )
        return folder, to_name("" if top == base else top.removeprefix(os.path.join(base, ""))), inside

    def _copy(self, address: str) -> str:
        """A bare copy of a repository elsewhere, as it is now. One that was cut off is begun anew."""
        folder = str(cache_folder("git") / f"{digest(address):x}")
        if not os.path.exists(os.path.join(folder, "HEAD")):
            new = f"{folder}.new"
            for rest in (folder, new):
                shutil.rmtree(rest, ignore_errors=True)
            os.makedirs(new, mode=0o700)  # what is in it may be for its owner alone
            git(address, "clone", "--quiet", "--mirror", "--", address, new, minutes=self.minutes)
            os.rename(new, folder)
            return folder
        git(address, "-C", folder, "remote", "update", "--prune", minutes=self.minutes)
        heads = git(address, "-C", folder, "ls-remote", "--symref", "origin", "HEAD", minutes=self.minutes)
        if heads.startswith(b"ref: "):  # the branch it has checked out may be another now
            git(address, "-C", folder, "symbolic-ref", "HEAD", heads.split()[1].decode())
        return folder
