"""JSON and YAML with numbers of any size: one that Python refuses to read, or takes for infinity, stays as written."""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

from rag.text.values import Digits

_STR, _INT, _FLOAT, _TIME = (f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "timestamp"))


def read_json(text: str) -> Any:
    """As `json.loads`, but a name that comes twice in an object has both values. Raises ValueError, RecursionError."""
    return json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=Digits, object_pairs_hook=_object)


def read_yaml(text: str) -> Any:
    """As `yaml.safe_load`; keys are as written (`on:` is no truth value), and so is a date that does not exist.

    Raises yaml.YAMLError, ValueError, RecursionError.
    """
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for name in {name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1}:
            found[name] = [value for other, value in pairs if other == name]
    return found


def _whole(digits: str) -> int | Digits:
    try:
        return int(digits)
    except ValueError:  # of more than 4,300 digits
        return Digits(digits)


class Written(float):
    """A number that says how it was written: 1.10, not 1.1."""

    __slots__ = ("_digits",)
    _digits: str

    def __new__(cls, digits: str) -> Written:
        number = super().__new__(cls, digits)
        number._digits = digits
        return number

    def __str__(self) -> str:
        return self._digits


def _real(digits: str) -> float | Digits:
    number = Written(digits)
    return number if math.isfinite(number) else Digits(digits)


class _Loader(yaml.SafeLoader):
    """Constructs what the safe loader does, and nothing else."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                key.tag = _STR

    def number(self, node: yaml.ScalarNode) -> Any:
        try:
            value = self.construct_yaml_int(node) if node.tag == _INT else self.construct_yaml_float(node)
            return value if node.tag == _INT or math.isfinite(value) else Digits(node.value)
        except ValueError:
            return Digits(node.value)

    def time(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except (ValueError, AttributeError):
            return node.value


_Loader.add_constructor(_INT, _Loader.number)
_Loader.add_constructor(_FLOAT, _Loader.number)
_Loader.add_constructor(_TIME, _Loader.time)
