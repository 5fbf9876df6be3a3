"""What a manifest notes about the pipeline that made the index: its facts. Which pipelines may go on with it."""

import json
from collections.abc import Iterable, Mapping

from rag.errors import MismatchError
from rag.index.codec import MALFORMED

REBUILDING = "rebuilding"  # the fact that a rebuild has begun: what the index will be when it is done
REPAIRING = "repairing"  # the fact that a repair has begun: what it is to read and to embed again
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
            f"{' and '.join(differ)} differ. Use that pipeline, or run `rag ingest --rebuild --pipeline NAME` to "
            "build the index again from the stored documents."
        )


def refuse_unfinished(facts: Mapping[str, str]) -> None:
    """Refuse an index in the middle of a rebuild. Raises MismatchError."""
    if text := facts.get(REBUILDING):
        try:
            name = _name(json.loads(text))
        except MALFORMED:
            name = "unknown"
        raise MismatchError(
            f"A rebuild with the pipeline {name!r} was begun and not finished. Finish it with `rag ingest --rebuild "
            f"--pipeline {name}`, or give another --pipeline there."
        )


def _name(facts: Mapping[str, str]) -> str:
    """The name of the pipeline in one line: whoever made the index writes no lines of ours."""
    return " ".join(str(facts.get("pipeline", "unknown")).split())
