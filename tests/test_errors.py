"""What a user reads where an optional dependency is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.embed.transformers import TransformersEmbedder
from rag.embed.two_stage import TwoStageEmbedder
from rag.errors import MissingExtra
from rag.generate.transformers import TransformersGenerator
from rag.registry import EXTRAS, find
from rag.rerank.cross_encoder import CrossEncoder, Qwen3Reranker
from rag.types import Chunk, Hit

HITS = [Hit(Chunk("c", "d", "a dam", 0, 5, "d.txt"), 1.0)]
USES: dict[str, Callable[[Path], object]] = {
    "embed: transformers": lambda folder: TransformersEmbedder().embed_queries(["a dam"]),
    "embed: two_stage": lambda folder: TwoStageEmbedder(
        model=str(folder), sample=str(folder / "sample.txt"), backbone=str(folder)
    ).embed_queries(["a dam"]),
    "rerank: cross_encoder": lambda folder: CrossEncoder(model="m").rerank(["a dam"], [HITS]),
    "rerank: qwen3": lambda folder: Qwen3Reranker(model="m").rerank(["a dam"], [HITS]),
    "generate: transformers": lambda folder: list(TransformersGenerator(model="m").stream("a dam", HITS)),
}


@pytest.mark.parametrize("use", USES)
def test_without_torch_a_stage_loads_and_its_first_use_says_what_to_install(
    use: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 8}')
    (tmp_path / "sample.txt").write_text("a dam")
    for module in [name for name in sys.modules if name.startswith("rag.models.torch_")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=rf'^{use} needs torch, .* pip install "raghop\[models\]"$'):
        USES[use](tmp_path)


def test_every_shipped_component_is_imported_without_torch_and_transformers() -> None:
    code = (
        "import sys; sys.modules |= {'torch': None, 'transformers': None}\n"
        "from rag.registry import BUILTIN, resolve\n"
        "for kind in BUILTIN: [resolve(path) for path in BUILTIN[kind].values()]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("use", EXTRAS)
def test_the_registry_says_what_to_install(use: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    extra, library = EXTRAS[use]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        MissingExtra, match=rf'^{use[0]}: {use[1]} needs {library}, .* pip install "raghop\[{extra}\]"$'
    ):
        find(*use)
