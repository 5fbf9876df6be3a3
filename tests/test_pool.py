"""Many threads and tasks, one index."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rag.errors import BusyError, IndexMissing, InputError
from rag.explore import hop_from
from rag.pipeline import Pipeline
from rag.pool import Pool
from rag.types import Filter

QUESTION = "Where is the head office of the maker of the router in building 4?"


@pytest.fixture
def pool(notes: Path) -> Pool:
    with Pipeline.load("tiny.yaml") as pipeline:
        pipeline.ingest(["docs"])
    return Pool.load(index=notes, workers=2, queue=2)


def test_answers_are_those_of_the_pipeline(pool: Pool, notes: Path) -> None:
    with pool, Pipeline.load(index=notes) as pipeline:
        expected = pipeline.ask(QUESTION)
        answers = [pool.ask(QUESTION), asyncio.run(pool.ask_async(QUESTION))]
        assert [(a.text, a.citations) for a in answers] == [(expected.text, expected.citations)] * 2
        assert [h.chunk for h in pool.search(QUESTION, k=2)] == [h.chunk for h in pipeline.search(QUESTION, k=2)]


def test_one_more_than_may_wait_is_told_to_come_again(pool: Pool) -> None:
    gate = threading.Event()
    with pool:
        waiting = [threading.Thread(target=pool.run, args=(lambda pipeline: gate.wait(60),)) for _ in range(4)]
        for thread in waiting:
            thread.start()
        while pool.pending < 4:
            pass
        with pytest.raises(BusyError) as caught:
            pool.search(QUESTION)
        gate.set()
        for thread in waiting:
            thread.join()
        assert caught.value.seconds >= 1
        assert pool.search(QUESTION)


def test_a_stream_that_is_closed_ends_its_question(pool: Pool) -> None:
    with pool:
        stream = pool.stream(QUESTION)
        assert next(stream).kind == "step"
        stream.close()  # type: ignore[attr-defined]
        assert pool.ask(QUESTION).text
    assert pool.pending == 0


def test_a_new_generation_is_used_without_a_lost_question(pool: Pool, notes: Path) -> None:
    (notes / "docs" / "new.md").write_text("# Mast\n\nThe mast of the Dorothea is made of larch.\n")
    with pool:
        pool.warm()
        before = pool.generation
        with Pipeline.load(index=notes) as pipeline:
            pipeline.ingest(["docs"])
        while pool.generation == before:
            assert pool.search(QUESTION)
        assert "larch" in pool.search("mast of the Dorothea", k=1)[0].chunk.text


def test_an_index_that_is_made_later_is_found(tmp_path: Path, notes: Path) -> None:
    with Pool.load(index=notes, workers=1) as pool:
        with pytest.raises(IndexMissing):
            pool.search(QUESTION)
        with Pipeline.load("tiny.yaml") as pipeline:
            pipeline.ingest(["docs"])
        assert pool.search(QUESTION)
        with pytest.raises(InputError):
            pool.ask(" ")


def test_a_forked_process_opens_everything_anew(pool: Pool, notes: Path) -> None:
    code = (
        "import os, sys\nfrom rag.pool import Pool\n"
        "pool = Pool.load(index=sys.argv[1], workers=1)\nexpected = pool.ask(sys.argv[2]).text\n"
        "child = os.fork()\nif child == 0:\n    os._exit(0 if pool.ask(sys.argv[2]).text == expected else 9)\n"
        "status = os.waitpid(child, 0)[1]\nassert pool.ask(sys.argv[2]).text == expected\npool.close()\n"
        "sys.exit(os.waitstatus_to_exitcode(status))"
    )
    with pool:
        assert pool.ask(QUESTION).text
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(notes), QUESTION], check=True, timeout=120)


def test_models_are_loaded_once_for_all_generations(pool: Pool, notes: Path) -> None:
    with pool:
        before = pool.run(lambda pipeline: pipeline.stages)
        (notes / "docs" / "new.md").write_text("# Mast\n\nThe mast of the Dorothea is made of larch.\n")
        with Pipeline.load(index=notes) as pipeline:
            pipeline.ingest(["docs"])
        while (now := pool.run(lambda pipeline: pipeline.stages)).store == before.store:
            pass
        assert now.embedder is before.embedder and now.generator is before.generator
        assert now.retriever is not before.retriever


def test_what_a_user_may_see_cannot_be_widened(pool: Pool) -> None:
    within = Filter(any_of={"source": ("docs/router.md", "docs/canteen.txt")})
    with pool:
        for filter in (None, Filter(any_of={"source": ("docs/halvorsen.md", "docs/router.md")})):
            hits = pool.search(QUESTION, k=50, filter=filter, within=within)
            answer = pool.ask(QUESTION, k=50, filter=filter, within=within)
            seen = {hit.chunk.source for hit in (*hits, *answer.hits)} | {one.source for one in answer.citations}
            assert seen <= set(within.any_of["source"])
        start = [hit.chunk.id for hit in pool.search("router in building 4", k=1)]
        led = pool.run(lambda pipeline: hop_from(pipeline.stages, start, QUESTION, k=9, filter=within))
        assert {hit.chunk.source for hit in led} <= set(within.any_of["source"])


def test_a_generation_that_no_question_needs_any_more_is_let_go(pool: Pool, notes: Path) -> None:
    gate, generations = threading.Event(), notes / ".rag" / "generations"

    def publish(text: str) -> None:
        """A new generation, in use before this ends."""
        (notes / "docs" / "new.md").write_text(f"# Mast\n\n{text}\n")
        before = pool.generation
        with Pipeline.load(index=notes) as pipeline:
            pipeline.ingest(["docs"])
        while pool.generation == before:
            time.sleep(0.01)

    def is_collected(name: str) -> bool:
        with Pipeline.load(index=notes) as pipeline:
            for _ in range(20):  # the pool lets go a moment after it has another
                pipeline.ingest(["docs"])
                if not (generations / name).exists():
                    return True
        return False

    with pool:
        pool.warm()
        asked = threading.Thread(target=pool.run, args=(lambda pipeline: gate.wait(60),))
        asked.start()
        while not pool.pending:
            time.sleep(0.01)
        publish("The mast of the Dorothea is made of larch.")
        assert (generations / "1").is_dir(), "a question is at it"
        gate.set()
        asked.join()
        assert is_collected("1")
        publish("The mast of the Dorothea is made of pine.")
        assert is_collected("2")


def test_a_generation_that_cannot_be_opened_is_said_and_the_one_before_it_answers(pool: Pool, notes: Path) -> None:
    pointer = notes / ".rag" / "CURRENT"
    sound = pointer.read_bytes()
    with pool:
        before = pool.ask(QUESTION).text
        pointer.write_bytes(b"nonsense")
        while not pool.problem:
            time.sleep(0.01)
        assert "CURRENT" in pool.problem and pool.ask(QUESTION).text == before
        pointer.write_bytes(sound)
        while pool.problem:
            time.sleep(0.01)
        assert pool.ask(QUESTION).text == before
