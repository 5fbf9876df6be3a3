"""Pipelines as YAML: load a file, check it, build its stages.

    config = load("mine.yaml")      read it; no component is imported
    check(config)                   every name and option, every problem in one error
    stages = build(config)          check it, and construct every stage

A pipeline file has one key per stage, `STAGE: {use: NAME, option: value, ...}`, and the keys of `Settings`. The options
of a stage are the fields of its component. Secrets never stand in a file: a component's `*_env` option names the
environment variable that holds one.
"""

from rag.config.builder import Stages, build
from rag.config.checks import check
from rag.config.file import PipelineConfig, load, parse, preset_folder, presets, read
from rag.config.options import Settings, json_schema, schema
from rag.config.stored import from_facts, to_facts

__all__ = [
    "PipelineConfig",
    "Settings",
    "Stages",
    "build",
    "check",
    "from_facts",
    "json_schema",
    "load",
    "parse",
    "preset_folder",
    "presets",
    "read",
    "schema",
    "to_facts",
]
