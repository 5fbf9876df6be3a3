"""The `obsidian` connector: a vault's notes, called by their file names as Obsidian calls them.

Links (`[[Note]]`, `[[folder/Note#Heading|words]]`) and aliases are keys by which hops lead from note to note.
A note's `links` and `tags` are fields, and its `url` opens it in Obsidian. It reads no hidden folder, so no settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import quote, urlencode

from rag.stages import component
from rag.types import Document, Loaded, Source, Values
from rag_connectors.files import Files

_LINK = re.compile(r"\[\[([^\[\]|#^\n]{1,200})")
_TAG = re.compile(r"(?:^|(?<=\s))#([^\W\d_][\w/-]*|[\w/-]*[^\W\d_][\w/-]*)")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


@component
class Obsidian(Files):
    """Notes and files of Obsidian vaults. A root is a vault or a folder in one.

    Example: `connector: {use: obsidian, exclude: [templates/]}`
    and `rag ingest ~/Vault --pipeline mine.yaml`.
    """

    @property
    def fingerprint(self) -> str:
        """That of files, which know no links of notes."""
        return f"Obsidian {super().fingerprint}"

    def load(self, sources: Iterable[Source]) -> Iterator[Loaded]:
        """One `Loaded` per source, in their order."""
        for loaded in super().load(sources):
            if loaded.source.name.endswith(".md"):
                loaded = replace(loaded, documents=tuple(_note(one, loaded.source.path) for one in loaded.documents))
            yield loaded


def _note(document: Document, path: str) -> Document:
    text = _CODE.sub("", document.text)
    links = dict.fromkeys(PurePosixPath(link.strip()).name.removesuffix(".md") for link in _LINK.findall(text))
    given = document.meta.get("tags", ())
    tags = [*(given if isinstance(given, tuple) else str(given).replace(",", " ").split()), *_TAG.findall(text)]
    meta: dict[str, Values] = dict(document.meta)
    for name, values in (("links", links), ("tags", dict.fromkeys(str(tag).lstrip("#") for tag in tags))):
        if values:
            meta[name] = tuple(values)
    if vault := _vault(path):
        inside = os.path.relpath(path, vault).replace(os.sep, "/")
        query = urlencode({"vault": os.path.basename(vault), "file": inside.removesuffix(".md")}, quote_via=quote)
        meta["url"] = f"obsidian://open?{query}"
    title = document.title or PurePosixPath(document.source).stem
    return replace(document, title=title, meta=meta)


def _vault(path: str) -> str:
    """The folder above a note that holds Obsidian's settings; "" where none does."""
    folder = os.path.dirname(path)
    while not os.path.isdir(os.path.join(folder, ".obsidian")):
        if folder == os.path.dirname(folder):
            return ""
        folder = os.path.dirname(folder)
    return folder
