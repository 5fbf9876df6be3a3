"""What a team sets once for its server, from a TOML or YAML file: checked whole, every problem in one error."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rag.config.file import MAX_BYTES, read_lines
from rag.config.options import validate
from rag.errors import ConfigError
from rag.index.folder import Index
from rag.models.processor import count_cores
from rag.serve.logs import Format


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """Folders are relative to the file that names them."""

    indexes: Annotated[Mapping[str, str], Field(min_length=1, description="A name for each folder that has .rag.")]
    host: Annotated[str, Field(description="The address to listen at; only this machine reaches 127.0.0.1.")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Field(ge=0, le=65535, description="The port to listen at; 0: any free one.")] = 8765
    url: Annotated[str, Field(description="How others reach the server; default: by host and port.")] = ""
    pipeline: Annotated[str, Field(description="The pipeline of questions; default: that of each index.")] = ""
    pipelines: Annotated[
        tuple[str, ...], Field(description="Pipelines that a question may name, besides shipped ones that fit.")
    ] = ()
    workers: Annotated[int, Field(ge=1, description="Questions to an index that run at a time.")] = field(
        default_factory=count_cores
    )
    queue: Annotated[int, Field(ge=0, description="Questions that may wait; one more is told to come again.")] = 64
    folders: Annotated[
        Mapping[str, str], Field(description="A name for each folder that a writer may have indexed.")
    ] = field(default_factory=dict)
    uploads: Annotated[str, Field(description="The folder of uploaded files; default: uploads beside .rag.")] = ""
    originals: Annotated[bool, Field(description="Whether the original files can be fetched.")] = True
    watch: Annotated[
        Mapping[str, tuple[str, ...]],
        Field(description="For an index, names of folders that are indexed as they change."),
    ] = field(default_factory=dict)
    grace: Annotated[float, Field(ge=0, description="Seconds that running requests have to end when it stops.")] = 30.0
    log: Annotated[Format, Field(description="Lines of text for people, or of JSON.")] = "line"
    traces: Annotated[str, Field(description="Where spans go by OTLP, as http://localhost:4318; default: nowhere.")] = (
        ""
    )
    trust: Annotated[bool, Field(description="Use indexes that another user made.")] = False
    tokens: Annotated[str, Field(description="The file of `rag token`; default: in the .rag of the first index.")] = ""
    hosts: Annotated[tuple[str, ...], Field(description="Names it may be asked by, besides host and url.")] = ()
    rate: Annotated[int, Field(ge=1, description="Requests a minute that the owner of a token may send.")] = 600
    max_upload_mb: Annotated[int, Field(ge=1, description="Largest upload in MB.")] = 256
    audit: Annotated[str, Field(description="The file of the audit log; none unless it is named.")] = ""

    @property
    def base_url(self) -> str:
        """How others reach the server, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.url.rstrip("/") or f"http://{host}:{self.port}"


def load_settings(path: str | Path, given: Mapping[str, Any] | None = None) -> ServerSettings:
    """The settings in a file, but for those that are `given`. Raises ConfigError naming everything that is wrong."""
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES:,} bytes; the settings of a server are a page of text.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        hint = f"to serve the index in a folder, say `rag serve --index {path}`" if path.is_dir() else ""
        hint = hint or "settings are a .toml or .yaml file; without one `rag serve` serves the nearest index"
        raise ConfigError(f"{path}: cannot be read: {reason}; {hint}.") from error
    data, lines, twice = _parse(text, path)
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: settings are a mapping, like `indexes: {{notes: ./notes}}`.")
    return _check({**data, **(given or {})}, lines, twice, base=path.absolute().parent, origin=str(path))


def settings_of(given: Mapping[str, Any]) -> ServerSettings:
    """Settings without a file; without an index, the nearest from here upward. Raises ConfigError."""
    indexes = given.get("indexes") or {"default": str(Index.at().base)}
    return _check({**given, "indexes": indexes}, {}, [], base=Path.cwd(), origin="settings")


def _parse(text: str, path: Path) -> tuple[Any, dict[str, int], list[str]]:
    """Data, the line of each key where that is known, and the keys that appear twice. Raises ConfigError."""
    if path.suffix in {".yaml", ".yml"}:
        return read_lines(text, str(path))
    try:
        return tomllib.loads(text), {}, []
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from error


def _check(
    given: Mapping[str, Any], lines: Mapping[str, int], twice: list[str], *, base: Path, origin: str
) -> ServerSettings:
    checked, wrong = validate(ServerSettings, "", given)
    wrong = [(key, "appears twice; remove one.") for key in twice] + wrong
    if wrong:
        places = [f"{origin}{f':{lines[key]}' if key in lines else ''}: {key}: {text}" for key, text in wrong]
        many = f"{origin}: {len(places)} problems:\n  " if len(places) > 1 else ""
        raise ConfigError(many + "\n  ".join(places))
    settings = ServerSettings(**checked)
    return replace(
        settings,
        indexes=_absolute(settings.indexes, base),
        folders=_absolute(settings.folders, base),
        uploads=str(base / settings.uploads) if settings.uploads else "",
        tokens=str(base / settings.tokens) if settings.tokens else "",
        audit=str(base / settings.audit) if settings.audit else "",
        pipeline=_place(settings.pipeline, base),
        pipelines=tuple(_place(name, base) for name in settings.pipelines),
    )


def _absolute(folders: Mapping[str, str], base: Path) -> dict[str, str]:
    return {name: str(base / Path(folder).expanduser()) for name, folder in folders.items()}


def _place(pipeline: str, base: Path) -> str:
    return str(base / pipeline) if Path(pipeline).suffix in {".yaml", ".yml"} else pipeline
