"""Questions with gold and the passages they are asked over, from any of the formats they are published in."""

from __future__ import annotations

from rag_evals.datasets.load import load
from rag_evals.datasets.model import Dataset, Passage, Problem, Question

__all__ = ["Dataset", "Passage", "Problem", "Question", "load"]
