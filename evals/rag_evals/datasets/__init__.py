"""Questions with gold and the passages they are asked over, from any of the formats they are published in."""

from __future__ import annotations

from rag_evals.datasets.load import load
from rag_evals.datasets.model import Dataset, DatasetProblem, Passage, Question

__all__ = ["Dataset", "DatasetProblem", "Passage", "Question", "load"]
