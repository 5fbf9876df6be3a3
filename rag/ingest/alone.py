"""One document's failure is that document's alone: work on many at once, and again on each where that raises."""

import errno
import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from rag.errors import RagError

T = TypeVar("T")
R = TypeVar("R")
_MACHINE = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE, errno.ENFILE])
_ITS_DATA = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


def is_alone(error: Exception) -> bool:
    """Whether an error may be about one document: no refusal of our own, no failure of the disk or the database."""
    if isinstance(error, OSError):
        return error.errno not in _MACHINE
    return not isinstance(error, RagError | sqlite3.Error) or isinstance(error, _ITS_DATA)


def describe(error: Exception) -> str:
    """An unforeseen error in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def one_by_one(
    step: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T], note: Callable[[T, Exception], None]
) -> list[R | None]:
    """What `step` makes of the items together; where it raises, of each alone, with None and a note where it must be.

    Raises what is not about one item.
    """
    try:
        results = step(items)
        if len(results) != len(items):
            raise ValueError(f"{len(results)} results for {len(items)} documents")
        return list(results)
    except Exception as error:
        if not is_alone(error):
            raise
        if len(items) == 1:
            note(items[0], error)
            return [None]
    return [one_by_one(step, [item], note)[0] for item in items]
