"""The file of `rag sample`: passages that stand for a corpus, one a line."""

from pathlib import Path

from rag.errors import ConfigError


def read_passages(file: str, most: int | None = None) -> list[str]:
    """The first `most` passages of the file, or all. Raises ConfigError for one that cannot be read, or holds none."""
    try:
        lines = Path(file).expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"embed.sample: {file} cannot be read: {error}. It has a passage a line.") from error
    if texts := [line.strip() for line in lines if line.strip()][:most]:
        return texts
    raise ConfigError(f"embed.sample: {file} is empty; it holds passages of your documents, one a line.")
