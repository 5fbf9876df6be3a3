"""What a connector loaded, as an index can hold it: text that UTF-8 can write, ids that differ, flat fields."""

from collections.abc import Iterator
from dataclasses import replace

from rag.text.access import FIELD, take_access
from rag.text.values import encodable, flatten
from rag.types import Document, Loaded, Section


def accept(loaded: Loaded) -> Loaded:
    """The same, whatever a connector gave; a source whose values had to change is degraded, and says which.

    Raises anything for documents that are none.
    """
    problems: dict[str, None] = {}
    documents = tuple(_documents(loaded, problems))
    if not problems:
        return replace(loaded, documents=documents)
    reason = "; ".join([loaded.reason] * bool(loaded.reason) + list(problems))
    return replace(loaded, documents=documents, status="degraded", reason=encodable(reason))


def _documents(loaded: Loaded, problems: dict[str, None]) -> Iterator[Document]:
    ids: set[str] = set()
    for document in loaded.documents:
        id, n = document.id, 1
        while id in ids:
            n += 1
            id = f"{document.id}#{n}"
        ids.add(id)
        own, access = take_access(document.meta)[0], loaded.source.access
        meta, changed = flatten(document.meta if access is None else {**own, FIELD: access})
        problems |= dict.fromkeys(changed)
        text, title = encodable(document.text), encodable(document.title)
        if text != document.text or title != document.title:
            problems["its text holds lone surrogates, which are no characters; a mark stands for each"] = None
        sections = tuple(Section(s.start, s.end, encodable(s.kind), encodable(s.label)) for s in document.sections)
        yield replace(document, id=id, text=text, title=title, sections=sections, meta=meta)
