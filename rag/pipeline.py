"""The facade: a pipeline on an index, for the command line, for evals and for ten lines of Python.

    with Pipeline.load("default", index="./notes") as pipeline:
        pipeline.ingest(["./notes"])
        answer = pipeline.ask("Which company makes the router in building 4?")

One object holds one generation of the index from its first question on; `ingest` publishes a new one and lets go of
the old. Not thread-safe: one pipeline per thread, or `rag.Pool` for many. In a forked process it opens everything anew.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, cast

from rag.config import PipelineConfig, Stages, build, from_facts, load
from rag.errors import InputError, MismatchError, RagError
from rag.index.facts import check_fingerprints, check_probe
from rag.index.fields import check_fields, count_languages
from rag.index.folder import Index
from rag.index.generations import FORMAT
from rag.index.locks import Wait
from rag.index.unwritable import lend_shard
from rag.ingest.report import Progress, Report, ignore_progress
from rag.ingest.run import ingest
from rag.stages import Estimator, LanguageBound, LanguageModel, LocalStore
from rag.text.languages import detect_language, named_language
from rag.types import Answer, Estimate, Filter, Hit, narrow

if TYPE_CHECKING:
    from rag.explain import Explanation
    from rag.walk import State


def _tell(wait: bool | Wait) -> Wait | None:
    """Who is told that another process is waited for; None where it is not."""
    return wait if callable(wait) else (lambda process: None) if wait else None


# what is told of a question that is answered, or a search: its steps, as `Answer.trace` has them, and the answer
Tell: TypeAlias = Callable[[Sequence[Mapping[str, Any]], Answer | None], object]
_OF_PARENTS: list[object] = []


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened while answering: a "step" (dict), a "text" (str) or, last, the "answer" (Answer).

    A "text" is the next statement that the answer makes, checked, with its markers and the space before it: together
    they are `Answer.text`. What a model writes is not told before it is checked. In a conversation the first event is
    "asked" (str): the question as it stands alone.
    """

    kind: Literal["asked", "step", "text", "answer"]
    data: Any


class Pipeline:
    """A pipeline file on an index. Use it as a context manager, or call `close`."""

    def __init__(self, config: PipelineConfig, index: Index, *, models: Stages | None = None) -> None:
        """`models` are the stages of another pipeline: what they have loaded is used again where it fits."""
        self.config = config
        self.index = index
        self._models = models
        self._resources = ExitStack()
        self._stages: Stages | None = None
        self._process = os.getpid()
        self._tell: Tell = lambda trace, answer: None

    @classmethod
    def load(cls, name: str | None = None, *, index: str | Path | None = None, trust: bool = False) -> Self:
        """A shipped pipeline by name, or a .yaml file by path, on the index of a folder (default: the nearest).

        Without a name: the pipeline the index was made with, else "default". `trust` allows an index that another
        user made. Raises ConfigError, TrustError.
        """
        target = Index.at(index, trust=trust)
        return cls(load(name) if name else from_facts(target.facts(), str(target.path)), target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the index and the models."""
        self._leave_to_parent()
        self._stages = None
        self._resources.close()

    def ingest(
        self,
        paths: Sequence[str | Path],
        *,
        rebuild: bool = False,
        wait: bool | Wait = False,
        progress: Progress | None = None,
    ) -> Report:
        """Bring the index in line with these files and folders; see `rag.ingest.run.ingest`.

        With `wait`, the end of another process that writes the index is waited for; a function is called with its id.
        """
        self.close()
        roots = [str(path) for path in paths]
        progress = progress or ignore_progress
        return ingest(self.index, self.config, roots, rebuild=rebuild, wait=_tell(wait), progress=progress)

    def watch(
        self,
        paths: Sequence[str | Path],
        *,
        rebuild: bool = False,
        wait: bool | Wait = False,
        progress: Progress | None = None,
        ended: threading.Event | None = None,
    ) -> Iterator[Report | RagError]:
        """Ingest, then again whenever something changes, until `ended` is set; see `rag.ingest.watch.watch`."""
        from rag.ingest.watch import watch

        roots = [str(path) for path in paths]
        progress = progress or ignore_progress
        for report in watch(
            self.index, self.config, roots, rebuild=rebuild, wait=_tell(wait), progress=progress, ended=ended
        ):
            self.close()
            yield report

    def estimate(self, paths: Sequence[str | Path]) -> Estimate | None:
        """What the chunker will ask of a language model for these files and folders; None where it asks nothing.

        Everything is read and cut for it. Raises InputError, ConfigError.
        """
        stages = build(self.config)
        if not isinstance(stages.chunker, Estimator):
            return None
        sources = stages.connector.scan([str(path) for path in paths], base=str(self.index.base))
        return stages.chunker.estimate(d for loaded in stages.connector.load(sources) for d in loaded.documents)

    def unread_languages(self, answer: Answer | None = None, *, within: Filter | None = None) -> dict[str, int]:
        """The languages that the generator gives no short answers in, with how many documents are in each.

        Of all documents in the filter, or those that an answer's question and passages are in. Raises CorruptError.
        """
        generator = build(self.config).generator
        if not isinstance(generator, LanguageBound):
            return {}
        with closing(self.index.read_manifest()) as manifest:
            counts = count_languages(manifest, within)
        if answer is not None:
            codes = {detect_language(answer.question), *(named_language(hit.chunk.meta) for hit in answer.hits[:1])}
            counts = {code: counts.get(code, 0) for code in sorted(codes)}
        return {code: n for code, n in counts.items() if code and code not in generator.languages}

    @property
    def stages(self) -> Stages:
        """The built stages on the live generation. Raises IndexMissing, MismatchError, CorruptError."""
        self._leave_to_parent()
        if self._stages is None:
            stages = build(self.config, models=self._models)
            content = None
            if isinstance(stages.store, LocalStore):
                live = self._resources.enter_context(self.index.hold_generation())
                if live.format != FORMAT:
                    raise MismatchError(
                        f"{self.index.path}: written by another version of raghop. Run `rag rebuild` once to bring it "
                        "up to date; nothing is read or embedded again."
                    )
                live = self._resources.enter_context(lend_shard(live))
                stages = build(self.config, path=live.shard, models=self._models)
                facts, content = live.facts, live.content
            else:
                with closing(self.index.read_manifest()) as manifest:
                    facts = manifest.facts()
            check_fingerprints(facts, stages.fingerprints)
            check_probe(facts, stages.embedder)
            self._resources.callback(stages.store.close)
            self._stages = replace(stages, witness=partial(self.index.verify, content=content))
            self._models = None
        return self._stages

    def share(self, check: Callable[[], None], tell: Tell | None = None) -> Self:
        """This pipeline for one question in another thread, as long as this one is open.

        `check` is called between steps and sentences: what it raises ends the question. `tell` is given what was done.
        """
        twin = type(self)(self.config, self.index)
        twin._tell = tell or twin._tell
        twin._stages = replace(self.stages, check=check)
        return twin

    def _leave_to_parent(self) -> None:
        """In a forked process, begin anew: the threads of what was opened before are not in it. Nor is that closed."""
        if self._process != os.getpid():
            _OF_PARENTS.append((self._stages, self._resources))  # for good: to collect them would close them
            self._stages, self._resources, self._process = None, ExitStack(), os.getpid()

    def _walk(self, given: "State") -> "Iterator[tuple[Mapping[str, Any], State]]":
        """The walk to an answer: LangGraph's where a language model writes; offline its imports cost more than that."""
        if isinstance(self.stages.generator, LanguageModel):
            from rag.graph import walk_graph

            return walk_graph(given, self.stages)
        from rag.walk import walk

        return walk(given, self.stages)

    def mermaid(self) -> str:
        """The answer graph as Mermaid text."""
        from rag.graph import compile_graph

        return str(compile_graph(hops="hop" in self.config.stages).get_graph().draw_mermaid())

    def _input(self, question: str, k: int | None, filter: Filter | None, within: Filter | None) -> "State":
        if not question.strip():
            raise InputError("the question is empty; ask something.")
        if k is not None and k < 1:
            raise InputError(f"k: {k} is no number of passages; give 1 or more.")
        if filter is not None:
            with closing(self.index.read_manifest()) as manifest:
                check_fields(filter, manifest, within)
        narrowed, k = narrow(filter, within), k or self.config.settings.k
        return {"question": question, "k": k, "filter": narrowed, "tree": [], "trace": []}

    def search(
        self, question: str, *, k: int | None = None, filter: Filter | None = None, within: Filter | None = None
    ) -> list[Hit]:
        """The k best passages after hops and reranking, best first, of those that `filter` and `within` let through.

        Raises InputError where `filter` names a field or files that there are not; `within` may.
        """
        return self._walk_to_rank(question, k, filter, within)["hits"]

    def explore(
        self, question: str, *, k: int | None = None, filter: Filter | None = None, within: Filter | None = None
    ) -> tuple[list[Hit], list[Hit]]:
        """What `search` gives, and the whole tree that it was chosen from, in the order it was found."""
        from rag.walk import cosine

        state = self._walk_to_rank(question, k, filter, within)
        root = state["root"].dense
        return state["hits"], [replace(hit, cosine=cosine(root, hit.vector)) for hit in state["tree"]]

    def _walk_to_rank(self, question: str, k: int | None, filter: Filter | None, within: Filter | None) -> "State":
        from rag.walk import walk

        *_, (_, state) = walk(self._input(question, k, filter, within), self.stages, last="rank")
        return state

    def explain(
        self,
        question: str,
        *,
        source: str = "",
        passage: str = "",
        k: int | None = None,
        filter: Filter | None = None,
        within: Filter | None = None,
        concepts: int = 0,
    ) -> "Explanation":
        """Where a source or passage stands at each stage of a question, and what stands before it.

        `source` is a name, pattern or document's id; `passage` an id, or words of it; `concepts` says how many titles
        and headings near to each are told. Raises InputError for neither, and where nothing that may be found is it.
        """
        from rag.explain import explain, find_target

        if not source and not passage:
            raise InputError("name a source, or a passage by its id or words of it.")
        with closing(self.index.read_manifest()) as manifest:
            target = find_target(manifest, source=source, passage=passage, within=within)
        return explain(self._input(question, k, filter, within), self.stages, target, concepts=concepts)

    def stream(
        self, question: str, *, k: int | None = None, filter: Filter | None = None, within: Filter | None = None
    ) -> Iterator[Event]:
        """Answer a question, telling what happens on the way; the last event is the answer."""
        given = self._input(question, k, filter, within)
        for event, state in self._walk(given):  # noqa: B007 the last one is needed
            yield from (Event(cast(Any, kind), value) for kind, value in event.items())
        answer = self._date_sides(replace(state["answer"], trace=tuple(state["trace"])))
        self._tell(answer.trace, answer)
        yield Event("answer", answer)

    def _date_sides(self, answer: Answer) -> Answer:
        """Where sources disagree and a document gives no date, that of its file."""
        if all(side.date for side in answer.sides):
            return answer
        names = {citation.marker: citation.source for citation in answer.citations}
        with closing(self.index.read_manifest()) as manifest:
            changed = {name: row.stamp[1] for name, row in manifest.sources().items()}  # ns; 0 where it is not known
        at = [changed.get(names.get(side.marker, ""), 0) for side in answer.sides]
        dates = [datetime.fromtimestamp(ns / 1e9, UTC).date().isoformat() if ns else "" for ns in at]
        sides = zip(answer.sides, dates, strict=True)
        return replace(answer, sides=tuple(replace(side, date=side.date or date) for side, date in sides))

    def ask(
        self, question: str, *, k: int | None = None, filter: Filter | None = None, within: Filter | None = None
    ) -> Answer:
        """Answer a question with checked citations, or abstain."""
        *_, last = self.stream(question, k=k, filter=filter, within=within)
        return cast(Answer, last.data)
