"""What a manifest notes about the pipeline that made the index: its facts. Which pipelines may go on with it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress

import numpy as np

from rag.errors import MismatchError
from rag.index.codec import MALFORMED
from rag.stages import Embedder, JointEmbedder, ProbedEmbedder

REBUILDING = "rebuilding"  # the fact that a rebuild has begun: what the index will be when it is done
REPAIRING = "repairing"  # the fact that a repair has begun: what it is to read and to embed again
PROBE = "probe"  # the fact that holds the vector of a fixed text
NEAR = 0.999  # the cosine of the same model's vectors of one text, on other hardware or in another batch
SHAPING = {  # the stages that shape an index, in words
    "chunk": "the chunker or its settings",
    "embed": "the embedding model",
    "sparse": "the sparse vectors",
}


def pipeline_facts(pipeline: Mapping[str, str], fingerprints: Mapping[str, str]) -> dict[str, str]:
    """What an index notes about the pipeline that makes it; `pipeline` as `rag.config.to_facts` gives it."""
    return {**pipeline, **{f"fingerprint.{kind}": value for kind, value in fingerprints.items()}}


def check_fingerprints(
    facts: Mapping[str, str], fingerprints: Mapping[str, str], *, kinds: Iterable[str] = tuple(SHAPING)
) -> None:
    """Refuse an index that other stages built. Raises MismatchError naming the stages."""
    differ = [SHAPING[k] for k in kinds if facts.get(f"fingerprint.{k}", "") != fingerprints.get(k, "")]
    if differ:
        raise MismatchError(
            f"This index was built with a different pipeline ({_name(facts)}): "
            f"{' and '.join(differ)} differ. Use that pipeline, or run `rag ingest FOLDER --rebuild --pipeline NAME` "
            "to index its documents again."
        )


def check_probe(facts: Mapping[str, str], embedder: Embedder) -> dict[str, str]:
    """The fact of an embedder's probe, as the index has it, or new; none where the embedder knows its model itself.

    Raises MismatchError where the model behind a server changed, and what the embedder raises.
    """
    dense = embedder.dense if isinstance(embedder, JointEmbedder) else embedder
    if not isinstance(dense, ProbedEmbedder):
        return {}
    vector, known = dense.probe(), facts.get(PROBE, "")
    if not known:
        return {PROBE: b64encode(vector.astype("<f4").tobytes()).decode()}
    try:
        before = np.frombuffer(b64decode(known), "<f4")
        cosine = float(before @ vector)
    except ValueError:  # of another length, or no vector at all
        cosine = 0.0
    if not cosine >= NEAR:
        raise MismatchError(
            "The embedding model behind the server is not the one this index was built with: its vector of a fixed "
            f"text has the cosine {cosine:.3f} to the one of then. Bring that model back, or write another "
            "`embed.revision` into the pipeline and run `rag ingest FOLDER --rebuild`."
        )
    return {PROBE: known}


def refuse_unfinished(facts: Mapping[str, str]) -> None:
    """Refuse an index in the middle of a rebuild. Raises MismatchError."""
    if name := name_rebuild(facts):
        raise MismatchError(
            f"A rebuild with the pipeline {name!r} was begun and not finished. Finish it with `rag ingest FOLDER "
            f"--rebuild --pipeline {name}`, or give another --pipeline there."
        )


def name_rebuild(facts: Mapping[str, str]) -> str:
    """The pipeline of a rebuild that was begun and not finished; "" where there is none."""
    if text := facts.get(REBUILDING):
        with suppress(*MALFORMED):
            return _name(json.loads(text))
        return "unknown"
    return ""


def _name(facts: Mapping[str, str]) -> str:
    """The name of the pipeline in one line: whoever made the index writes no lines of ours."""
    return " ".join(str(facts.get("pipeline", "unknown")).split())
