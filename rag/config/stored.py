"""A pipeline as the facts of an index: its name, and, unless it is a shipped one, its text.

So an index that was built with a file of its user's answers without that file. No server, key or option of a plug-in
is in the text; what else leads out of the index is refused when it is used (`rag.config.outside`). Where that is the
generator, `withheld` takes its place.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import yaml

from rag.config.file import MAX_BYTES, PipelineConfig, load, parse, presets
from rag.config.options import Settings
from rag.config.outside import explain, find_outside, strip
from rag.errors import ConfigError

NAME, TEXT = "pipeline", "pipeline.yaml"
PLACE = "ingest"  # the stage that says where the work is done, which changes nothing in an index


def to_facts(config: PipelineConfig) -> dict[str, str]:
    """What an index keeps of a pipeline; of its own, what it kept before."""
    if config.kept:
        return dict(config.kept)
    if config.reference in presets():
        return {NAME: config.reference}
    default = dataclasses.asdict(Settings())
    settings = {name: value for name, value in dataclasses.asdict(config.settings).items() if value != default[name]}
    stages = {kind: strip(kind, given) for kind, given in config.stages.items() if kind != PLACE}
    return {NAME: config.reference, TEXT: yaml.safe_dump({**stages, **settings}, sort_keys=False, allow_unicode=True)}


def from_facts(facts: Mapping[str, str], place: str) -> PipelineConfig:
    """The pipeline that an index or an archive at `place` speaks of, the default where it speaks of none.

    Raises ConfigError.
    """
    kept = {key: str(facts[key]) for key in (NAME, TEXT) if key in facts}
    name, text = kept.setdefault(NAME, "default"), kept.get(TEXT, "")
    if name in presets():
        config = load(name)
    elif not text:
        raise ConfigError(explain(name, "whose text it does not hold"))
    elif len(text) > MAX_BYTES:
        raise ConfigError(explain(name, f"whose text is longer than {MAX_BYTES:,} characters"))
    else:
        config = parse(text, name=Path(name).stem, origin=place)
    config = dataclasses.replace(config, stored=tuple(config.stages), kept=kept)
    for what in find_outside("generate", config.stages["generate"]):
        return config.with_stage("generate", {"use": "withheld", "reason": explain(name, f"which uses {what}")})
    return config
