"""Why a document or a passage was found or not: its place at each stage of a question, and what stands before it.

The question runs as it always does. Where the target is not among what a search gives, the search is asked again for
`DEEP` hits: a place behind the ones that go on says how far it was from being found. `hop_tree` says which passage led
to which.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from rag.answer.concepts import Concept, names_of, tell
from rag.answer.data import hit_data
from rag.config import Stages
from rag.errors import InputError
from rag.hop.rank import link_keys
from rag.index.manifest import Manifest
from rag.index.visible import list_sources, passes
from rag.store.checks import is_id
from rag.text.patterns import match_names
from rag.text.words import find_stems, tokens
from rag.types import Chunk, Filter, Hit, Query
from rag.walk import State, cosine, order_tree, walk

DEEP = 1000  # hits of a search that are looked through
AHEAD = 5  # hits before the target that are told


@dataclass(frozen=True, slots=True)
class StageRank:
    """Where the target's best passage stands at a stage: "retrieve", "hop", "rank", "rerank" or "read".

    `place` counts from 1 among `searched` hits, of which the first `limit` go on; None: it is not among them. `ahead`
    are the first of those that stand before it.
    """

    stage: str
    hop: int
    place: int | None
    limit: int
    searched: int
    hit: Hit | None
    ahead: tuple[Hit, ...]

    @property
    def goes_on(self) -> bool:
        """Whether the target is among what the next stage gets."""
        return self.place is not None and self.place <= self.limit


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of a target in a question, stage by stage. `best` is its passage nearest to the question.

    `concepts` are titles and headings that the question or that passage is near to, where they were asked for.
    """

    question: str
    best: Hit
    ranks: tuple[StageRank, ...]
    concepts: tuple[Concept, ...] = ()

    @property
    def lost_at(self) -> StageRank | None:
        """The stage that let go of the target; None where it is read. Of several searches, the nearest miss."""
        searches = [rank for rank in self.ranks if rank.stage in ("retrieve", "hop")]
        if not any(rank.goes_on for rank in searches):
            return min(searches, key=lambda rank: rank.place or DEEP + 1)
        return next((rank for rank in self.ranks if rank not in searches and not rank.goes_on), None)

    @property
    def summary(self) -> str:
        """One sentence that says what became of it."""
        lost, last = self.lost_at, self.ranks[-1]
        if lost is None:
            return f"It is read, at place {last.place} of {last.searched}."
        where = f"hop {lost.hop}" if lost.stage == "hop" else lost.stage
        if lost.place is None:
            return f"It is lost at {where}: it is not among the {lost.searched} passages there."
        return f"It is lost at {where}: it has place {lost.place}, and the first {lost.limit} go on."


def find_target(manifest: Manifest, *, source: str = "", passage: str = "", within: Filter | None = None) -> Filter:
    """The chunks of a source (its name, a pattern or a document's id), or one passage: by its id, or words in it.

    Only documents that `within` lets through are looked at. Raises InputError, CorruptError.
    """
    rows = list_sources(manifest, within)
    names = tuple(match_names(rows, source))
    if passage and is_id(passage):
        return Filter(any_of={"id": (passage,)})
    if passage:
        return Filter(any_of={"id": tuple(_holders(manifest, names if source else tuple(rows), passage, within))})
    if source and is_id(source):
        return Filter(any_of={"doc_id": (source,)})
    if names and not any(rows[name].chunks for name in names):
        row = rows[names[0]]
        raise InputError(f"{row.name}: no text of it is indexed ({row.status}{row.reason and f': {row.reason}'}).")
    return Filter(any_of={"source": names})


def explain(given: State, stages: Stages, target: Filter, *, concepts: int = 0) -> Explanation:
    """Run a question and follow the target; tell so many concepts of the question, and of its passage.

    Raises InputError where nothing that may be found is the target.
    """
    question, k, own = given["question"], given["k"], given.get("filter")
    depth = max(k, stages.settings.depth)
    wanted = _matcher(target)
    root = stages.retriever.prepare([question])[0]
    best = _nearest(stages, replace(root, filter=replace(target, within=own)), any(target.any_of.values()))
    ranks: list[StageRank] = []
    tree: list[Hit] = []
    for event, state in walk(given, stages, last="rank"):
        if event["step"]["step"] == "retrieve":
            root, tree = state["root"], state["tree"]
            ranks.append(_follow_search(stages, state["frontier"], depth, wanted))
    limits = {"rank": depth, "rerank": k, "read": k}
    for stage, hits in order_tree(question, root, tree, stages, k=k):
        ranks.append(_place(stage, 0, hits, limits[stage], wanted))
    shown = [hit for rank in ranks for hit in (*rank.ahead, *([rank.hit] if rank.hit else ()))]
    stages.witness([best, *shown])
    told: Sequence[Concept] = ()
    if concepts and root.dense is not None and best.vector is not None:
        [seen] = stages.retriever.retrieve([root], k=DEEP)
        names = names_of([best.chunk, *(hit.chunk for hit in seen)])
        told = tell(stages.embedder, names, root.dense, best.vector, concepts)
    return Explanation(question, _measure(root, best), tuple(_measure_all(root, rank) for rank in ranks), tuple(told))


def shared_words(question: str, chunk: Chunk) -> tuple[str, ...]:
    """The content words of a question that a chunk has with its context, in any form, as the question writes them."""
    words = {token.stem: token.text for token in tokens(question)}
    found = find_stems(chunk.contextual, frozenset(words))
    return tuple(word for stem, word in words.items() if stem in found)


def _holders(manifest: Manifest, names: Sequence[str], passage: str, within: Filter | None) -> Iterator[str]:
    """The chunks in which these words stand, white space and case apart."""
    words = re.compile(r"\s+".join(map(re.escape, passage.split())), re.IGNORECASE)
    documents = (document for name in names for document in manifest.documents(name))
    for document in (d for d in documents if passes(within, d.id, d.source, d.title, d.meta)):
        for match in words.finditer(document.text):
            yield from manifest.chunks_over(document.id, *match.span())


def _matcher(target: Filter) -> Callable[[Hit], bool]:
    fields = [(name, frozenset(values)) for name, values in target.any_of.items()]
    return lambda hit: any(getattr(hit.chunk, name) in values for name, values in fields)


def _nearest(stages: Stages, query: Query, named: bool) -> Hit:
    """The target's passage that is nearest to the question."""
    found = stages.retriever.retrieve([query], k=1)[0] if named else []
    if not found:
        raise InputError("nothing that may be found here is called so or holds these words; `rag status` lists files.")
    return found[0]


def _follow_search(stages: Stages, queries: Sequence[Query], depth: int, wanted: Callable[[Hit], bool]) -> StageRank:
    """The target's best place in what some queries find: each gives as many as go on, or else is asked for more."""
    hop = queries[0].hop
    stage = "hop" if hop else "retrieve"
    limits = [min(depth, query.limit or depth) for query in queries]
    lists = stages.retriever.retrieve(queries, k=depth)
    ranks = [_place(stage, hop, hits, limit, wanted) for hits, limit in zip(lists, limits, strict=True)]
    if not any(rank.goes_on for rank in ranks):
        unbounded = [replace(query, limit=None) for query in queries]
        deep = stages.retriever.retrieve(unbounded, k=DEEP)
        lists = [_behind(first, hits) for first, hits in zip(lists, deep, strict=True)]
        ranks = [_place(stage, hop, hits, limit, wanted) for hits, limit in zip(lists, limits, strict=True)]
    return min(ranks, key=lambda rank: rank.place or DEEP + 1)


def _behind(first: Sequence[Hit], more: Sequence[Hit]) -> list[Hit]:
    """The hits that went on, and after them the others: a fusion of longer lists may order them otherwise."""
    ids = {hit.chunk.id for hit in first}
    return [*first, *(hit for hit in more if hit.chunk.id not in ids)]


def _place(stage: str, hop: int, hits: Sequence[Hit], limit: int, wanted: Callable[[Hit], bool]) -> StageRank:
    at = next((i for i, hit in enumerate(hits) if wanted(hit)), None)
    ahead = tuple(hits[: AHEAD if at is None else min(at, AHEAD)])
    return StageRank(
        stage, hop, None if at is None else at + 1, limit, len(hits), None if at is None else hits[at], ahead
    )


def _measure(root: Query, hit: Hit) -> Hit:
    return replace(hit, cosine=cosine(root.dense, hit.vector))


def _measure_all(root: Query, rank: StageRank) -> StageRank:
    """With the cosine of question and passage, which means the same at every stage."""
    hit = rank.hit and _measure(root, rank.hit)
    return replace(rank, hit=hit, ahead=tuple(_measure(root, each) for each in rank.ahead))


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A passage of a question's tree: the one that led to it, by which keys, and its place where it is read, from 1."""

    hit: Hit
    parent: str | None
    place: int | None
    links: tuple[str, ...]


def hop_tree(hits: Sequence[Hit], tree: Sequence[Hit]) -> list[TreeNode]:
    """The passages that are read and those that led to them, a parent before what it led to.

    A passage without links was reached because it is near in meaning, to the question or to it with its parent.
    """
    known = {hit.chunk.id: hit for hit in (*tree, *hits)}
    places = {hit.chunk.id: place for place, hit in enumerate(hits, 1)}
    shown = {*places, *(id for hit in hits for id in hit.trail if id in known)}
    nodes = []
    for hit in sorted((known[id] for id in shown), key=lambda hit: (hit.hop, places.get(hit.chunk.id, len(known)))):
        parent = next((id for id in reversed(hit.trail) if id in shown), None)
        mentioned = set(link_keys(known[parent].chunk)) if parent else set()
        links = _longest([key for key in hit.chunk.about if key in mentioned])
        nodes.append(TreeNode(hit, parent, places.get(hit.chunk.id), links))
    return nodes


def _longest(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys that are no part of another one."""
    return tuple(key for key in keys if not any(key != other and key in other for other in keys))


def tree_data(question: str, hits: Sequence[Hit], tree: Sequence[Hit]) -> dict[str, Any]:
    """The hop tree as JSON data, with how many passages each hop found and how many of them are shown."""
    nodes = hop_tree(hits, tree)
    found, shown = Counter(hit.hop for hit in tree), Counter(node.hit.hop for node in nodes)
    return {
        "question": question,
        "nodes": [
            {
                **hit_data(node.hit, question),
                "cosine": None if node.hit.cosine is None else round(float(node.hit.cosine), 4),
                "parent": node.parent,
                "place": node.place,
                "links": list(node.links),
            }
            for node in nodes
        ],
        "hops": [{"hop": hop, "found": found[hop], "shown": shown[hop]} for hop in sorted({*found, *shown})],
    }


def explanation_data(explanation: Explanation, seconds: float) -> dict[str, Any]:
    """It as JSON data; each passage also has the words that it shares with the question."""

    def passage(hit: Hit) -> dict[str, Any]:
        return {**hit_data(hit, explanation.question), "words": list(shared_words(explanation.question, hit.chunk))}

    lost = explanation.lost_at
    return {
        "question": explanation.question,
        "passage": passage(explanation.best),
        "summary": explanation.summary,
        "lost_at": lost and lost.stage,
        "stages": [
            {
                "stage": rank.stage,
                "hop": rank.hop,
                "place": rank.place,
                "limit": rank.limit,
                "searched": rank.searched,
                "passage": rank.hit and passage(rank.hit),
                "ahead": [passage(hit) for hit in rank.ahead],
            }
            for rank in explanation.ranks
        ],
        **({"concepts": [asdict(one) for one in explanation.concepts]} if explanation.concepts else {}),
        "seconds": round(seconds, 3),
    }
