"""The file of `rag train embedder`: how the document side of an embedder differs from its model."""

from pathlib import Path

from rag import cache
from rag.errors import MismatchError, ModelError
from rag.models import deltas
from rag.models.files import weights
from rag.types import Difference

KIND = "raghop embedder 1"


def checksum(folder: Path) -> str:
    """sha256 (hex) of a model folder's weights: what a file fits. Raises ModelError."""
    return " ".join(cache.sha256(path) for path in weights(folder))


def file_checksum(path: Path) -> str:
    """sha256 (hex) of a file of differences. Raises ModelError."""
    try:
        return cache.sha256(path)
    except OSError as error:
        raise ModelError(f"embed.weights: {path} cannot be read: {error}.") from error


def load(path: Path, folder: Path) -> Difference:
    """The difference by tensor name, for the model in `folder`. Raises ModelError, MismatchError for another model."""
    what, command = "the document side of an embedder", "rag train embedder"
    file = deltas.load(path, kind=KIND, facts={"model"}, what=what, command=command)
    if file.facts["model"] != checksum(folder):
        raise MismatchError(
            f"embed.weights: {path} was trained for another model than {folder}; name that one as `model`, or train "
            "for this one with `rag train embedder`."
        )
    return file.without()
