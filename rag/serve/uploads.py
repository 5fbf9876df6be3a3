"""Uploaded files on their way into a folder: under a name of their own, whole or not at all, never outside."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from shutil import copyfileobj

from starlette.datastructures import UploadFile

from rag.errors import InputError
from rag.index.disk import replace_file
from rag.serve.access import Principal
from rag.text.access import EVERYONE
from rag.text.values import encodable

LONGEST = 200  # bytes of a name
SIDECAR = ".access"  # how a file ends that says who may read another


def file_name(given: str | None) -> str:
    """The last part of what a client calls its file. Raises InputError for one that no folder should hold."""
    name = PurePosixPath((given or "").replace("\\", "/")).name
    if (
        not name
        or name.startswith(".")
        or name.endswith(SIDECAR)
        or not name.isprintable()
        or len(encodable(name).encode()) > LONGEST
    ):
        raise InputError(f"an uploaded file cannot be called {(given or '')[:100]!r}. Give it a plain name.")
    return name


def own_folder(uploads: Path, principal: Principal) -> Path:
    """Where a principal's uploads go: into a folder of their own, for their groups, where they may not see all.

    So nobody can put a file over one that is hidden from them, or learn from its name that it is there.
    """
    if principal.groups is None:
        return uploads
    folder = uploads / principal.name
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / SIDECAR, (", ".join(sorted(principal.groups)) or EVERYONE).encode())
    return folder


def save(folder: Path, files: Sequence[UploadFile]) -> list[str]:
    """Put the files into the folder, over those of the same names; their names. Raises InputError, OSError."""
    names = [file_name(file.filename) for file in files]
    if len(set(names)) < len(names):
        raise InputError("two uploaded files have the same name. Send them one after the other.")
    folder.mkdir(parents=True, exist_ok=True)
    for name, file in zip(names, files, strict=True):
        handle, temporary = tempfile.mkstemp(prefix=".upload-", dir=folder)
        try:
            with open(handle, "wb") as target:
                copyfileobj(file.file, target)
            os.replace(temporary, folder / name)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    return names
