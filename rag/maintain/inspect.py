"""What was read of one source: its text with sections and chunks, for people who ask what an answer can rest on.

What it does not do: read the file again. It shows what the index holds.
"""

from collections import Counter
from dataclasses import dataclass

from rag.errors import InputError
from rag.index.manifest import Manifest, SourceRow
from rag.text.origin import find_origin
from rag.text.patterns import close_names, match_names
from rag.text.tables import count_tables
from rag.types import PAGES, Chunk, Document, Section

NAMES = ("title", "author", "date", "url")  # what is said about documents
CLOSE = 3  # names that are offered for one that is not there


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source with its documents, and the chunks of each in the order of its text."""

    row: SourceRow
    documents: tuple[Document, ...]
    chunks: tuple[tuple[Chunk, ...], ...]

    @property
    def characters(self) -> int:
        """Of all texts."""
        return sum(len(document.text) for document in self.documents)

    @property
    def tables(self) -> int:
        """In all texts."""
        return sum(count_tables(document.text) for document in self.documents)

    @property
    def sections(self) -> dict[str, int]:
        """Kind of section -> how many."""
        return dict(Counter(section.kind for document in self.documents for section in document.sections))

    @property
    def pages(self) -> list[tuple[Section, int]]:
        """Pages and slides, each with its number of characters that are no white space."""
        return [
            (section, len("".join(document.text[section.start : section.end].split())))
            for document in self.documents
            for section in document.sections
            if section.kind in PAGES
        ]

    @property
    def about(self) -> dict[str, list[str]]:
        """Titles, addresses, authors and dates of its documents, each value once, of those that any has."""
        said = [{"title": one.title, **find_origin(one.meta)._asdict()} for one in self.documents]
        found = {name: list(dict.fromkeys(filter(None, (one[name] for one in said)))) for name in NAMES}
        return {name: values for name, values in found.items() if values}

    @property
    def keys(self) -> list[str]:
        """What links find its chunks by, most frequent first."""
        found = Counter(key for chunks in self.chunks for chunk in chunks for key in chunk.about)
        return [key for key, _ in found.most_common()]


def read_source(manifest: Manifest, name: str) -> SourceView:
    """What is indexed of the source with this name. Raises InputError, with names like it, where there is none."""
    sources = manifest.sources()
    row = sources.get(name)
    if row is None:
        found = match_names(sources, name)
        if len(found) == 1:
            return read_source(manifest, found[0])
        like = found[:CLOSE] or close_names(sources, name, CLOSE)
        raise InputError(
            f"{name}: no such file is indexed. "
            + (f"Is it {' or '.join(like)}?" if like else "`rag status` lists all.")
        )
    documents = tuple(manifest.documents(name))
    ids = [manifest.chunks_over(document.id, 0, len(document.text)) for document in documents]
    return SourceView(row, documents, tuple(tuple(manifest.chunks(own)[0]) if own else () for own in ids))
