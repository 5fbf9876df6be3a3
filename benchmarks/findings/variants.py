"""The pipelines that are measured: the shipped ones, and the default with one thing changed.

A variant that changes a shipped pipeline is written as a pipeline file of its own, so that it takes the same way
through the harness as any user's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rag.config import preset_folder

BASELINE = "direct"


@dataclass(frozen=True, slots=True)
class Variant:
    """A pipeline: a shipped one, with these keys of its file exchanged (None takes a stage out).

    Costly ones are measured `only` on some sources, or on the first `most` questions.
    """

    name: str
    says: str
    base: str = "default"
    changes: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    most: int | None = None

    def reference(self, folder: Path) -> str:
        """The shipped pipeline's name, or the path of a file written into the folder."""
        if not self.changes:
            return self.base
        path = folder / f"{self.name.replace(' ', '-')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(self.config(), sort_keys=False), encoding="utf-8")
        return str(path)

    def config(self) -> dict[str, Any]:
        """The pipeline as a mapping."""
        shipped = yaml.safe_load((preset_folder() / f"{self.base}.yaml").read_text(encoding="utf-8"))
        return {key: value for key, value in {**shipped, **self.changes}.items() if value is not None}


HOPPING = ("2wiki", "hotpotqa", "musique")
SEARCH = {by: {"use": "search", "by": by} for by in ("dense", "sparse")}

VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("direct", "hybrid search, no hops: the baseline, and the default without `hop`", "direct"),
        Variant("fast", "hybrid search, hops by the gate and along links", "fast"),
        Variant("links", "hybrid search, link hops: the default without reading", "links"),
        Variant("default", "hybrid search, hops by reading and along links"),
        Variant(
            "gate alone",
            "`fast` without links: hybrid search, hops by the gate",
            "fast",
            {"hop": {"use": "gate", "links": False}},
            only=HOPPING,
        ),
        Variant(
            "no links",
            "the default without links: hybrid search, hops by reading",
            changes={"hop": {"use": "encoder", "links": False}},
            only=HOPPING,
        ),
        Variant("no BM25", "the default without `sparse`: dense search only", changes={"retrieve": SEARCH["dense"]}),
        Variant(
            "no dense",
            "BM25 search, link hops (reading on needs dense vectors)",
            "links",
            {"retrieve": SEARCH["sparse"]},
        ),
        Variant("dense", "dense search alone: no `sparse`, no `hop`", "direct", {"retrieve": SEARCH["dense"]}),
        Variant("BM25", "sparse search alone: no `embed`, no `hop`", "direct", {"retrieve": SEARCH["sparse"]}),
        Variant(
            "two hops", "the default, reading on once more", changes={"hop": {"use": "encoder", "hops": 2}}, most=100
        ),
        Variant(
            "paths",
            "`direct`, what it finds ranked by reading on and by links: no second search",
            "direct",
            {"rerank": {"use": "paths"}},
            only=HOPPING,
        ),
        Variant(
            "maxsim", "the default, its direct hits reranked by MaxSim", changes={"rerank": {"use": "maxsim"}}, most=80
        ),
        Variant(
            "chunks of 64",
            "the default over chunks of at most 64 tokens instead of 200",
            changes={"chunk": {"use": "structure", "size": 64}},
            only=("musique", "squad"),
        ),
        Variant(
            "MaxSim",
            "search by the vectors of all tokens alone",
            "direct",
            {"embed": {"use": "onnx", "tokens": True}, "retrieve": {"use": "search", "by": "tokens"}},
        ),
    )
}
RANKED = tuple(name for name in VARIANTS if name != "MaxSim")
LIMIT = ("direct", "dense", "BM25", "MaxSim")
ANSWERED = ("direct", "default")
