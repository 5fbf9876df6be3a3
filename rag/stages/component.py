"""What makes a class a component, and the fields that the pipeline fills in."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")

INJECTED = frozenset({"embedder", "store", "generator"})
INJECTED_IN_STORE = frozenset({"path", "dim", "sparse", "idf", "tokens", "token_dim", "readonly", "generation"})


@dataclass_transform(kw_only_default=True, frozen_default=True)
def component(cls: type[T]) -> type[T]:
    """Make `cls` a component: its annotated fields are its options."""
    return dataclass(frozen=True, kw_only=True)(cls)
