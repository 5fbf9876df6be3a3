"""What others have published, for the page to show beside ours, always labelled as theirs.

Each row says where its figures come from; the four systems stand side by side on Vector Graph RAG's evaluation page
(zilliztech.github.io/vector-graph-rag/evaluation), which cites the papers. They are copied, not measured here: other
embedders, other hardware, and for the multi-hop sets the full published question sets, of which ours are halves.
"""

from __future__ import annotations

RECALL_AT_5 = (  # name, what it needs, (2WikiMultihopQA, MuSiQue, HotpotQA), source
    ("NV-Embed-v2", "7B embedder", (0.765, 0.697, 0.945), "HippoRAG 2, arXiv 2502.14802"),
    ("HippoRAG 2", "7B embedder, graph built by a 70B LLM", (0.904, 0.747, 0.963), "arXiv 2502.14802"),
    ("IRCoT + HippoRAG", "LLM calls per hop", (0.939, 0.576, 0.830), "HippoRAG, arXiv 2405.14831"),
    (
        "Vector Graph RAG",
        "triples extracted by an LLM, an LLM call per question",
        (0.941, 0.730, 0.963),
        "its evaluation page",
    ),
)
PUBLISHED_SETS = ("2wiki", "musique", "hotpotqa")

TREEHOP = (  # dataset, ((setting, recall, mean number of passages), ...); BGE-M3
    ("2WikiMultihopQA", ((49.3, "5"), (53.2, "10"), (61.6, "8.6"), (65.4, "11.8"))),
    ("MuSiQue", ((45.4, "5"), (53.8, "10"), (48.0, "8.1"), (48.1, "11.0"))),
    ("MultiHop-RAG", ((48.6, "5"), (67.8, "10"), (57.9, "7.0"), (61.1, "8.4"))),
)
TREEHOP_SETTINGS = ("direct@5", "direct@10", "TreeHop@5, two hops", "TreeHop@5, three hops")

# As transcribed in public notes on the paper (arXiv 2508.21038), which agree with each other.
LIMIT_SMALL = (  # our pipeline, what the paper has of that kind, recall@2, @10, @20 in its Table 5
    ("dense", "best single vector: Promptriever 8B, 4,096 dimensions", (54.3, 90.0, 97.7)),
    ("BM25", "BM25", (97.8, 100.0, 100.0)),
    ("direct", "none", ()),
    ("MaxSim", "GTE-ModernColBERT", (83.5, 97.6, 99.1)),
)
