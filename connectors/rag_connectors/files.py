"""The `files` connector: folders and files on disk to documents, in parallel, whatever is in them.

Who may read a file, files beside it can say (`rag_connectors.sidecar`). Every file has an outcome: "ok", "degraded"
(text was lost), "failed" or "skipped", with a reason. Parsers run in child processes with limits on time and memory;
small UTF-8 text is decoded here, which is cheaper than asking. Pages and pictures without text are read by OCR where
the extra `ocr` is installed. It does not follow links, open hidden files, unpack general archives or touch a network.
"""

from __future__ import annotations

import hashlib
import os
import stat
from base64 import b64decode
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid5

from pathspec import GitIgnoreSpec
from pydantic import Field

from rag.errors import ConfigError, InputError
from rag.stages import component
from rag.text.access import read_groups
from rag.text.names import to_name
from rag.types import Document, Loaded, Section, Source
from rag_connectors import ocr
from rag_connectors.kinds import KINDS, kind_of
from rag_connectors.outcome import outcome_of
from rag_connectors.parsed import ParseOptions, ParseOutcome, RefusalError
from rag_connectors.pool import ParserPool
from rag_connectors.reading import read
from rag_connectors.sidecar import SUFFIX, Sidecars
from rag_connectors.walk import patterns, walk

_INLINE_KINDS = frozenset(["plain", "code"])
_INLINE_BYTES = 1 << 18
_AHEAD = 4  # outcomes per worker that may wait for their turn


@component
class Files:
    """Files under the given roots, whatever their format. A root that is itself a file is always taken.

    Example: `connector: {use: files, exclude: ["*.log"]}`
    and `rag ingest ./docs --pipeline mine.yaml`.
    """

    include: Annotated[tuple[str, ...], Field(description="Only files that match a pattern, as in .gitignore.")] = ()
    exclude: Annotated[tuple[str, ...], Field(description="No files that match one of these, even if included.")] = ()
    gitignore: Annotated[bool, Field(description="Leave out what the folder's own .gitignore files name.")] = True
    max_mb: Annotated[int, Field(ge=1, description="Largest file in MB, also of what it unpacks to.")] = 64
    timeout: Annotated[float, Field(gt=0, description="Processor seconds for a small file; 12x for a large one.")] = (
        10.0
    )
    memory: Annotated[int, Field(ge=1, description="MB to parse a small file; 8 times its size for a large one.")] = 512
    workers: Annotated[int, Field(ge=0, description="Processes that parse; 0: one for each core.")] = 0
    ocr: Annotated[
        Literal["auto", "always", "never"],
        Field(description="Read pages and pictures by OCR: where no sound text is, with the extra `ocr`; all; none."),
    ] = "auto"
    ocr_model: Annotated[
        str,
        Field(description="A network (ONNX) of rapidocr for another script; empty: Chinese and Latin letters."),
    ] = ""
    text_field: Annotated[
        str, Field(description="Text of a JSON record; empty: its text, content, body, passage or contents.")
    ] = ""
    title_field: Annotated[str, Field(description="Title of a JSON record; empty: its title or name.")] = ""
    id_field: Annotated[str, Field(description="Id of a JSON record; empty: its id, _id or pid.")] = ""
    access: Annotated[
        tuple[str, ...],
        Field(description="Groups that may read it all, where no .access file is; empty: as the documents say."),
    ] = ()

    @property
    def fingerprint(self) -> str:
        """Of the parsers' versions and the options that shape documents."""
        parts = [*(f"{kind.name}={kind.version}" for kind in KINDS), self.text_field, self.title_field, self.id_field]
        parts += [self._ocr, *[self.ocr_model] * bool(self.ocr_model)] if self._ocr != "never" else []
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def scan(self, roots: Sequence[str], *, base: str) -> Iterator[Source]:
        """Every source under the roots, in name order; names are relative to `base` where they lie inside it.

        Raises InputError for a root that does not exist, ConfigError for a pattern that cannot be understood.
        """
        include, exclude = self._specs
        base, sidecars = os.path.realpath(base), Sidecars()
        found: dict[str, Source] = {}
        for root in roots:
            top = os.path.realpath(root)  # a link named by the user is meant
            try:
                status = os.stat(top)
            except OSError as error:
                raise InputError(
                    f"{root}: {error.strerror}. Name a file or folder that is there and may be read."
                ) from error
            if stat.S_ISDIR(status.st_mode):
                inside = walk(top, include=include, exclude=exclude, gitignore=self.gitignore)
                taken = ((path, found_as) for path, found_as in inside if not path.endswith(SUFFIX))
                found.update((path, _source(path, found_as, base, sidecars)) for path, found_as in taken)
            else:
                found[top] = _source(top, status, base, sidecars)
        yield from self._in_order(found.values())

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order. Memory holds a few outcomes per worker at a time.

        Raises MissingExtra where all pages are to be read by OCR and the extra is not there, ConfigError for a network
        that is not there.
        """
        if self.ocr == "always":
            ocr.need()
        if self.ocr_model and not os.path.isfile(self.ocr_model):
            raise ConfigError(f"connector: ocr_model: {self.ocr_model}: there is no such file. Name a rapidocr model.")
        workers = self.workers or os.cpu_count() or 1
        waiting: deque[tuple[Source, ParseOutcome | Future[ParseOutcome]]] = deque()
        pool = ParserPool(workers, options=self._options, timeout=self.timeout, memory=self.memory)
        with closing(pool):
            for source in sources:
                known = ParseOutcome("failed", source.reason) if source.reason else self._inline(source)
                waiting.append(
                    (source, known or pool.submit(source.path, source.name, source.stamp[3], source.stamp[0]))
                )
                while waiting and (len(waiting) > workers * _AHEAD or _is_done(waiting[0][1])):
                    yield _loaded(*waiting.popleft())
            while waiting:
                yield _loaded(*waiting.popleft())

    @cached_property
    def _options(self) -> ParseOptions:
        return ParseOptions(
            self.max_mb << 20, self.text_field, self.title_field, self.id_field, self._ocr,
            ocr_model=os.path.abspath(self.ocr_model) if self.ocr_model else "",
        )  # fmt: skip

    @property
    def _ocr(self) -> str:
        return "never" if self.ocr == "auto" and not ocr.is_installed() else self.ocr

    def _inline(self, source: Source) -> ParseOutcome | None:
        """The outcome of small UTF-8 text; None when it takes a worker."""
        kind = kind_of(source.name)
        if kind is None or kind.name not in _INLINE_KINDS or source.stamp[0] > _INLINE_BYTES:
            return None
        sha256 = ""
        try:
            data = read(source.path, limit=self._options.max_bytes, inode=source.stamp[3])
            sha256 = hashlib.sha256(data).hexdigest()
            data.decode("utf-8")
            return outcome_of(data, source.name, self._options, kind, sha256)
        except RefusalError as refusal:
            return ParseOutcome(refusal.status, refusal.reason, sha256)
        except UnicodeDecodeError:
            return None

    def _in_order(self, sources: Iterable[Source]) -> Iterator[Source]:
        """The sources by name; who may read one that no sidecar is about, the option says."""
        try:
            groups = read_groups(self.access)
        except ValueError as error:
            raise ConfigError(f"connector: access: {error}. Name groups, as in `access: [hr, legal]`.") from error
        for source in sorted(sources, key=lambda source: source.name):
            yield replace(source, access=groups) if groups and source.access is None else source

    @cached_property
    def _specs(self) -> tuple[GitIgnoreSpec, GitIgnoreSpec]:
        """What `include` and `exclude` match."""
        return _spec("include", self.include), _spec("exclude", self.exclude)

    def _takes(self, path: str) -> bool:
        """Whether the patterns take a file, by its path below the root."""
        include, exclude = self._specs
        return (not include.patterns or include.match_file(path)) and not exclude.match_file(path)


def _spec(option: str, lines: Sequence[str]) -> GitIgnoreSpec:
    try:
        return patterns(lines)
    except ValueError as error:
        raise ConfigError(f"connector: {option}: {error}. Patterns are written as in .gitignore.") from error


def _source(path: str, found_as: os.stat_result | str, base: str, sidecars: Sidecars) -> Source:
    """A source from its status, or from the reason why it has none, and from its sidecar."""
    prefix = os.path.join(base, "")
    name = to_name("." if path == base else path.removeprefix(prefix))
    if isinstance(found_as, str):
        return Source(name, path, (0, 0, 0, 0), found_as)
    access, wrong = sidecars.access_of(path) or (None, "")
    stamp = (found_as.st_size, found_as.st_mtime_ns, found_as.st_ctime_ns, found_as.st_ino)
    return Source(name, path, stamp, wrong, access)


def _is_done(outcome: ParseOutcome | Future[ParseOutcome]) -> bool:
    return isinstance(outcome, ParseOutcome) or outcome.done()


def _loaded(source: Source, outcome: ParseOutcome | Future[ParseOutcome]) -> Loaded:
    if isinstance(outcome, Future):
        outcome = outcome.result()
    documents = tuple(
        Document(
            id=str(uuid5(NAMESPACE_URL, f"{source.name.replace('#', chr(0))}#{record.key}")),  # no name holds a NUL
            source=source.name,
            text=record.text,
            title=record.title,
            sections=tuple(Section(*span) for span in record.spans),
            meta=record.meta,
        )
        for record in outcome.records
    )
    letters = tuple((page, b64decode(packed)) for page, packed in outcome.letters)
    return Loaded(source, outcome.status, outcome.reason, documents, outcome.sha256, letters)
