"""A source in the manifest: replaced whole, kept as it is, or left out; and what the report tells of it."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from rag.index.manifest import Manifest, SourceRow
from rag.ingest.alone import describe, is_alone
from rag.ingest.cut import Outcome, columns, judge
from rag.ingest.report import FileReport, Report
from rag.text.access import FIELD, groups_of
from rag.text.tables import count_tables
from rag.text.values import encodable
from rag.types import PAGES, Chunked, Document, Loaded, Source


@dataclass(slots=True)
class SourceWriter:
    """Writes sources, which were `known` before, inside the manifest's transaction, and notes them in `report`.

    `parser` is the connector's fingerprint; `unpublished` counts chunks that came since the last publish.
    """

    manifest: Manifest
    known: dict[str, SourceRow]
    parser: str
    report: Report
    rebuilding: bool
    unpublished: int = 0

    def replace(self, loaded: Loaded, outcome: Outcome) -> None:
        """The source from now on; one of which nothing came keeps what is stored of it."""
        (whole, failures), row = outcome, self.known.get(loaded.source.name)
        status, reason = judge(loaded.status, loaded.reason, whole)
        if failures:
            name, why = failures[0]
            more = f", and {len(failures) - 1:,} more like it" if len(failures) > 1 else ""
            status, reason = "failed", f"{name}: {why}{more}; the other {len(whole):,} are indexed" if whole else why
        chunks = sum(len(cut.chunked.chunks) for cut in whole)
        if status == "failed" and not whole and row is not None and row.documents:
            reason, chunks = f"{reason} (still answered from the version indexed before)", row.chunks
        try:
            with self.manifest.savepoint():
                self._put_source(loaded, status, reason)
                if status != "failed" or whole:
                    self.manifest.replace_documents(loaded.source.name, *columns(whole))
                    self.manifest.put_letters(loaded.sha256, loaded.letters)
                elif (groups := _stated_access(loaded)) is not None:  # the version that stays is for no others
                    self.manifest.set_access(loaded.source.name, groups)
        except Exception as error:
            if not is_alone(error):
                raise
            status, reason, chunks = "failed", f"storing failed: {describe(error)}", row.chunks if row else 0
            with suppress(Exception), self.manifest.savepoint():  # what cannot be stored may be its name
                self._put_source(loaded, status, reason)
        self.unpublished += chunks
        shown = status if status != "ok" else "added" if row is None else "updated"
        read = _measure(loaded.documents) if whole else (0, 0, 0)
        self.report.add(FileReport(loaded.source.name, shown, reason, chunks, *read))

    def leave_out(self, name: str, reason: str) -> None:
        """A stored source keeps its text, without chunks."""
        row, documents = self.manifest.sources()[name], self.manifest.documents(name)
        self.manifest.replace_documents(name, [Chunked(document, ()) for document in documents], [()] * len(documents))
        self.put_row(row, "failed", reason)
        self.report.files = [file for file in self.report.files if file.source != name]
        self.report.files.append(FileReport(name, "failed", reason))

    def put_row(self, row: SourceRow, status: str, reason: str) -> None:
        """A stored source's own row, with another status."""
        source = Source(row.name, "", cast(Any, row.stamp))
        self.manifest.put_source(source, sha256=row.sha256, parser=row.parser, status=status, reason=encodable(reason))

    def _put_source(self, loaded: Loaded, status: str, reason: str) -> None:
        self.manifest.put_source(
            loaded.source,
            sha256=loaded.sha256,
            parser=self.parser_of(loaded.source),
            status=status,
            reason=encodable(reason),
        )

    def parser_of(self, source: Source) -> str:
        """What makes the source's documents of its bytes: the connector, and who may read them."""
        return self.parser if source.access is None else f"{self.parser} {json.dumps(source.access)}"

    def sha256_of(self, source: Source) -> str:
        """Of the bytes that what is stored of the source was made of; "" where other documents would come of them."""
        row = self.known.get(source.name)
        return row.sha256 if row and row.parser == self.parser_of(source) else ""

    def report_unchanged(self, row: SourceRow) -> FileReport:
        """What is not read again; a rebuild tells what is degraded, since it chunks that again."""
        told = row.status in ("skipped", "failed") or (self.rebuilding and row.status == "degraded")
        return FileReport(row.name, row.status if told else "unchanged", row.reason, row.chunks)


def _measure(documents: Sequence[Document]) -> tuple[int, int, int]:
    """Characters, pages and tables."""
    pages = sum(section.kind in PAGES for document in documents for section in document.sections)
    texts = [document.text for document in documents]
    return sum(map(len, texts)), pages, sum(map(count_tables, texts))


def _stated_access(loaded: Loaded) -> tuple[str, ...] | None:
    """The groups that may read all of a source; None where neither it nor its documents say any."""
    if loaded.source.access is not None:
        return loaded.source.access
    stated = [set(groups_of(document.meta)) for document in loaded.documents if FIELD in document.meta]
    return tuple(sorted(set.intersection(*stated))) if stated else None
