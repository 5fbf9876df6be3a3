"""Where a model's files are, and whether they may be loaded.

A model is "bundled" (all-MiniLM-L6-v2, in weights/minilm beside this file), a folder, or a name in the local Hugging
Face cache. Nothing is downloaded, and a folder is refused when it holds code or asks for it, or has no safetensors
weights.
"""

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from rag.errors import ModelError, ModelMissing

BUNDLED = "bundled"
LEXICAL, MULTI = "sparse_linear", "colbert_linear"  # BGE-M3's heads, in files of their own beside the weights
_BUNDLED_FOLDER = Path(__file__).parent / "weights" / "minilm"
T = TypeVar("T", dict[str, Any], list[Any])


def locate(model: str) -> Path:
    """The folder of a model. Raises ModelMissing saying where it was looked for and how to get it."""
    if model == BUNDLED:
        return _BUNDLED_FOLDER
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    hub = _hub() / f"models--{model.replace('/', '--')}"
    snapshots = hub / "snapshots"
    main = hub / "refs" / "main"
    if main.is_file() and (snapshot := snapshots / main.read_text().strip()).is_dir():
        return snapshot
    if snapshots.is_dir() and len(found := list(snapshots.iterdir())) == 1:
        return found[0]
    raise ModelMissing(
        f"embed.model: {model!r} is neither a folder nor in the Hugging Face cache ({_hub()}). Nothing is downloaded "
        f"while raghop runs: fetch it once with `hf download {model}`, or give a folder."
    )


def _hub() -> Path:
    if hub := os.environ.get("HF_HUB_CACHE"):
        return Path(hub)
    if home := os.environ.get("HF_HOME"):
        return Path(home) / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "huggingface" / "hub"


def read_json(path: Path, empty: T) -> T:
    """A JSON file of the same type as `empty`, which is what an absent one counts as. Raises ModelError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return empty
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from error
    if not isinstance(data, type(empty)):
        raise ModelError(f"{path}: holds a {type(data).__name__} instead of a {type(empty).__name__}.")
    return data


def inside(folder: Path, relative: str) -> Path:
    """A path that a model's file names, which must stay in the model's folder. Raises ModelError."""
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts or "\\" in relative or ":" in relative:
        raise ModelError(f"{folder / 'modules.json'}: the path {relative!r} leaves the model's folder.")
    return folder / path


def weights(folder: Path) -> list[Path]:
    """The safetensors files of a folder, in name order. Raises ModelError when there are none."""
    if found := sorted(path for path in folder.glob("*.safetensors") if path.stem not in (LEXICAL, MULTI)):
        return found
    raise ModelError(
        f"{folder}: no *.safetensors file. Other formats can run code when they are read and are not loaded; convert "
        "the weights with `save_pretrained(..., safe_serialization=True)`."
    )


def head(folder: Path, name: str) -> Path | None:
    """The file of a head beside the weights; None if there is none. Raises ModelError for a mere pickle."""
    path, pickle = folder / f"{name}.safetensors", folder / f"{name}.pt"
    if path.is_file():
        return path
    if pickle.is_file():
        raise ModelError(
            f"{pickle}: a pickle, which can run code when it is read, so it is not loaded. If you trust its origin, "
            f'make {path.name} of it once: cd {folder} && python -c "import torch, safetensors.torch as s; '
            f"s.save_file(torch.load('{pickle.name}', weights_only=True), '{path.name}')\""
        )
    return None


def refuse_code(folder: Path) -> None:
    """Raises ModelError where a folder brings Python code, or a configuration that asks for some."""
    if code := sorted(folder.rglob("*.py")):
        raise ModelError(f"{code[0]}: the model brings its own code, which raghop never runs; use another model.")
    for path in folder.rglob("*config.json"):
        config = read_json(path, {}) if path.name in {"config.json", "tokenizer_config.json"} else {}
        for key in ("auto_map", "trust_remote_code"):
            if config.get(key):
                raise ModelError(
                    f"{path}: {key} asks for code from outside, which raghop never runs. Where transformers knows the "
                    f"architecture itself, a copy of the folder without {key!r} loads. If the code was there to let "
                    "a decoder's tokens see those after them, say `attention: bidirectional` then."
                )
