"""The tools of an assistant: ask, search, fetch, hops, list_documents.

`search` and `fetch` have the form that assistants' connectors expect. What a tool reads is narrowed by its caller.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from rag.errors import InputError
from rag.explore import hop_from
from rag.index.manifest import Manifest
from rag.index.visible import find_chunks, find_document, list_documents
from rag.ingest.sources import path_of
from rag.serve.access import Principal
from rag.serve.pools import Pools
from rag.serve.replies import document_url
from rag.serve.tool_types import (
    AskArguments,
    AskReply,
    CitationReply,
    DocumentReply,
    FetchArguments,
    FetchReply,
    Found,
    HopsArguments,
    ListArguments,
    ListReply,
    SearchArguments,
    SearchReply,
)
from rag.serve.visible import read_index
from rag.types import Chunk, Document, Filter, Hit

READ = 20_000  # characters of a document that one call gives
SNIPPET = 600  # characters of a passage in a list


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a tool, and how they reach the documents: by the server at `base`, or in their files where it is ""."""

    pools: Pools
    principal: Principal
    base: str

    @property
    def within(self) -> Filter | None:
        """What they may see."""
        return self.principal.within

    def url(self, index: str, id: str, source: str, **place: int) -> str:
        """Where a document, or a place in it, can be looked at."""
        if self.base:
            return document_url(self.base, index, id, **place)
        return Path(path_of(source, str(self.pools.indexes[index].base))).absolute().as_uri()

    def found(self, index: str, hit: Hit) -> Found:
        """A passage of a list."""
        chunk = hit.chunk
        url = self.url(index, chunk.doc_id, chunk.source, start=chunk.start, end=chunk.end)
        return Found(id=chunk.id, title=_title(chunk), url=url, text=chunk.text[:SNIPPET])


async def ask(caller: Caller, given: AskArguments) -> AskReply:
    index, _ = caller.pools.index(given.index)
    answer = await caller.pools.pool(index).ask_async(given.question, within=caller.within)
    chunks = {hit.chunk.id: hit.chunk for hit in answer.hits}
    citations = [
        CitationReply(
            marker=one.marker,
            id=one.chunk_id,
            title=_title(chunks[one.chunk_id]),
            address=one.address,
            quote=one.quote,
            url=caller.url(index, chunks[one.chunk_id].doc_id, one.source, start=one.start, end=one.end),
        )
        for one in answer.citations
    ]
    closest = [] if answer.text else [caller.found(index, hit) for hit in answer.hits[:3]]
    return AskReply(
        level=answer.level, answer=answer.text, confidence=answer.confidence, citations=citations, closest=closest
    )


async def search(caller: Caller, given: SearchArguments) -> SearchReply:
    index, _ = caller.pools.index(given.index)
    hits = await caller.pools.pool(index).search_async(given.query, k=given.k, within=caller.within)
    return SearchReply(results=[caller.found(index, hit) for hit in hits])


async def hops(caller: Caller, given: HopsArguments) -> SearchReply:
    index, _ = caller.pools.index(given.index)
    hits = await caller.pools.pool(index).run_async(
        lambda pipeline: hop_from(pipeline.stages, given.ids, given.question, k=given.k, filter=caller.within)
    )
    return SearchReply(results=[caller.found(index, hit) for hit in hits])


async def fetch(caller: Caller, given: FetchArguments) -> FetchReply:
    name, index = caller.pools.index(given.index)
    document, start = await read_index(index, lambda manifest: _read(manifest, given.id, caller.within))
    if document is None:
        raise InputError(f"There is no passage or document {given.id[:100]!r}.")
    begin = min(start if given.start is None else given.start, len(document.text))
    text = document.text[begin : begin + READ]
    end = begin + len(text)
    metadata = {
        "source": document.source, "start": begin, "end": end, "length": len(document.text),
        "next": end if end < len(document.text) else None, **dict(document.meta),
    }  # fmt: skip
    url = caller.url(name, document.id, document.source, start=begin, end=end)
    return FetchReply(id=given.id, title=document.title or document.source, text=text, url=url, metadata=metadata)


def _read(manifest: Manifest, id: str, within: Filter | None) -> tuple[Document | None, int]:
    """The document of this id, or of a passage of this id, and where to begin."""
    if document := find_document(manifest, id, within):
        return document, 0
    for chunk in find_chunks(manifest, [id], within):
        return find_document(manifest, chunk.doc_id, within), max(0, chunk.start - READ // 4)
    return None, 0


async def list_(caller: Caller, given: ListArguments) -> ListReply:
    name, index = caller.pools.index(given.index)
    rows = await read_index(
        index, lambda manifest: list_documents(manifest, caller.within, after=given.after, limit=given.limit + 1)
    )
    shown = rows[: given.limit]
    documents = [
        DocumentReply(
            id=row.id, title=row.title or row.source, source=row.source, length=row.length,
            url=caller.url(name, row.id, row.source),
        )
        for row in shown
    ]  # fmt: skip
    return ListReply(documents=documents, next=shown[-1].id if len(rows) > len(shown) else None)


def _title(chunk: Chunk) -> str:
    """The title of a passage's document, and where in it the passage is."""
    return f"{chunk.title} ({chunk.address()})" if chunk.title else chunk.address()


@dataclass(frozen=True, slots=True)
class ToolDoor:
    """A tool: what it takes and gives, and how an assistant knows when to call it."""

    name: str
    title: str
    description: str
    takes: type[BaseModel]
    gives: type[BaseModel]
    call: Callable[[Caller, Any], Awaitable[BaseModel]]


TOOLS = (
    ToolDoor(
        "ask",
        "Ask the documents",
        "Answers a question from the documents, following references from one to the next where that is needed. Every "
        "statement is checked against the text, and its exact quotes are given with titles, addresses (page, heading, "
        'row) and URLs. `level` says how far the answer goes: "answer" is a short answer with the quotes that show it, '
        '"evidence" is quotes that speak to the question where no short answer was sure enough, "nothing" means that '
        "the documents do not say it; `closest` then has the nearest passages. `confidence` is the chance that the "
        "answer is right. Ask one whole question at a time, with its names spelled out.",
        AskArguments,
        AskReply,
        ask,
    ),
    ToolDoor(
        "search",
        "Search passages",
        "Finds the passages that a question or words are best answered from, the best first, by meaning and by words, "
        "with those that they lead to. Gives of each an id (for `fetch` and `hops`), the title of its document with "
        "the place in it, a URL and the beginning of its text.",
        SearchArguments,
        SearchReply,
        search,
    ),
    ToolDoor(
        "fetch",
        "Read a document",
        "Reads the text of a document, or the text around a passage, by the id that `search`, `hops`, `ask` or "
        f"`list_documents` gave; at most {READ:,} characters at a time. `metadata` says which characters these are, "
        "and `next`, where there is more, is the `start` of the call that goes on.",
        FetchArguments,
        FetchReply,
        fetch,
    ),
    ToolDoor(
        "hops",
        "Follow references",
        "From passages that you have, finds the passages they lead to: what is written about the people, products and "
        "places that they mention, and what is missing after them for your question. Call it when `search` found the "
        "first half of an answer, like which device stands in a building, and you need the second, like who makes it.",
        HopsArguments,
        SearchReply,
        hops,
    ),
    ToolDoor(
        "list_documents",
        "List documents",
        "Lists the documents by the name of their file: id, title, file, length in characters and URL. `next`, where "
        "there are more, is the `after` of the call that goes on.",
        ListArguments,
        ListReply,
        list_,
    ),
)
