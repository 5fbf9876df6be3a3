"""Every error a user can meet, and the exit code the command gives for it.

    RagError (1)
    ├── ConfigError (2)      a pipeline file, option or argument is wrong
    ├── InputError (2)       a path or argument names nothing usable
    ├── IndexMissing (2)     there is no index here yet
    ├── ModelError (1)       a model's files are unsafe or not what they claim
    │   └── ModelMissing (1) a model's files are not on this machine
    ├── StoreError (1)       the vector engine refused or is out of reach
    │   └── UnavailableError     its server is out of reach, busy, or does not let this user in
    ├── GeneratorError (1)   the language model endpoint failed
    ├── EndpointError (1)    the server of an embedding model or a reranker failed
    ├── MissingExtra (1)     an optional dependency is not installed
    ├── SpaceError (1)       not enough free disk space
    ├── TrustError (1)       an index is another user's, or made to lead out of its folder
    ├── BusyError (1)        more questions wait than may
    ├── MismatchError (4)    the index was built by another model or other settings
    ├── LockedError (5)      another process is writing this index
    └── CorruptError (6)     stored data fails its check

A message says which file, key or option, what was wrong and what to do next. Exit code 0 is success, 3 means that some
files failed, 7 that nothing was found to say; the last two are results, not errors.
"""

from collections.abc import Iterator
from contextlib import contextmanager

EXIT_PARTIAL = 3
EXIT_ABSTAINED = 7


class RagError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class ConfigError(RagError):
    """A pipeline file, option or argument is wrong."""

    exit_code = 2


class InputError(RagError):
    """A path or argument names nothing usable."""

    exit_code = 2


class IndexMissing(RagError):
    """There is no index here yet."""

    exit_code = 2


class ModelError(RagError):
    """A model's files are unsafe or not what they claim."""


class ModelMissing(ModelError):
    """A model's files are not on this machine."""


class StoreError(RagError):
    """The vector engine refused a request or is out of reach."""


class UnavailableError(StoreError):
    """The server of the vector engine is out of reach, busy, or does not let this user in."""


class GeneratorError(RagError):
    """The language model endpoint failed."""


class EndpointError(RagError):
    """The server of an embedding model or a reranker failed."""


class MissingExtra(RagError):
    """An optional dependency is not installed."""


class SpaceError(RagError):
    """Not enough free disk space."""


class TrustError(RagError):
    """An index is another user's, or made to lead out of its folder."""


class BusyError(RagError):
    """More questions wait than may. `seconds` from now it is worth asking again."""

    def __init__(self, message: str, seconds: int) -> None:
        super().__init__(message)
        self.seconds = seconds


class MismatchError(RagError):
    """The index was built by another model or other settings."""

    exit_code = 4


class LockedError(RagError):
    """Another process is writing this index."""

    exit_code = 5


class CorruptError(RagError):
    """Stored data fails its check."""

    exit_code = 6


@contextmanager
def extra(name: str, user: str) -> Iterator[None]:
    """Goes around imports of what an extra installs: without it, MissingExtra names the user and the line to run."""
    try:
        yield
    except ModuleNotFoundError as error:
        advice = f'which is not installed: pip install "raghop[{name}]"'
        raise MissingExtra(f"{user} needs {error.name}, {advice}") from error
