"""`rag chat` and `rag ask --open` as a person meets them, and a conversation that survives a restart."""

from __future__ import annotations

import json
import os
import pty
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rag.cli import ask as command
from rag.config import load
from rag.conversation import Conversation
from rag.errors import CorruptError, GeneratorError, IndexMissing, SpaceError
from rag.index.chats import NAME as FILE
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.maintain.check import check
from rag.maintain.remove import delete
from rag.maintain.repair import repair
from rag.pipeline import Pipeline
from tests.scripted import delta, serving, status, stream

RAG = Path(sys.executable).parent / "rag"
FIRST, NEXT = "Who makes the Lumen K2?", "Where is its head office?"


@pytest.fixture
def indexed(notes: Path) -> Path:
    ingest(Index.at(notes), load("tiny.yaml"), ["docs"])
    return notes


def chat(*words: str, typed: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [str(RAG), "chat", "--pipeline", "tiny.yaml", *words]
    done = subprocess.run(command, input=typed, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_a_conversation_goes_on_after_a_restart_and_has_a_name(indexed: Path) -> None:
    pipeline = Pipeline.load("tiny.yaml")
    with pipeline, Conversation(pipeline) as talk:
        events = list(talk.stream(FIRST))
        assert events[0].kind == "asked" and events[0].data == FIRST and events[-1].kind == "answer"
        assert {"step", "text"} <= {event.kind for event in events}
        assert "Halvorsen" in events[-1].data.text and events[-1].data.citations
    with pipeline, Conversation(pipeline) as talk, Conversation(pipeline, "other") as other:
        assert [turn["question"] for turn in talk.turns] == [FIRST] and other.turns == []
        asked, *_, last = talk.stream(NEXT)
        assert "Lumen K2" in asked.data and asked.data != NEXT
        assert "Tarnvik" in last.data.text and last.data.question == asked.data
        other.ask("When does the canteen open?")
        talk.forget()
        assert talk.turns == [] and len(other.turns) == 1


def test_what_is_kept_is_plain_text_of_the_last_turns(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.graph.TURNS", 2)
    with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
        for question in (FIRST, NEXT, "When does the canteen open?"):
            talk.ask(question)
        assert [turn["question"] for turn in talk.turns] == [NEXT, "When does the canteen open?"]
        assert all(set(turn) == {"question", "asked", "text", "short"} for turn in talk.turns)
    assert b"rag.types" not in Path(".rag", FILE).read_bytes()


def test_a_language_model_makes_the_follow_up_stand_alone(indexed: Path) -> None:
    with serving() as server, Pipeline.load("tiny.yaml") as plain:
        stage = {"use": "openai", "base_url": server.url, "model": "tiny", "retries": 0}
        pipeline = Pipeline(plain.config.with_stage("generate", stage), plain.index)
        said = [delta("It is made by Halvorsen Optik [1]."), delta(reason="stop")]
        asked = "Where is the head office of Halvorsen Optik?"
        server.scripts = [stream(*said), stream(delta(asked), delta(reason="stop")), stream(*said), status(500)]
        with pipeline, Conversation(pipeline) as talk:
            talk.ask(FIRST)
            assert next(iter(talk.stream(NEXT))).data == asked
            assert len(server.seen) == 2 and NEXT in server.seen[1].body["messages"][1]["content"]
            server.scripts = [status(500)]
            with pytest.raises(GeneratorError):
                talk.ask(NEXT)
            assert [turn["question"] for turn in talk.turns] == [FIRST]


def test_purge_removes_what_was_said(indexed: Path) -> None:
    with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
        talk.ask(FIRST)
    delete(Index.at(indexed), load("tiny.yaml"), ["docs/lumen.md"])
    assert Path(".rag", FILE).exists()
    delete(Index.at(indexed), load("tiny.yaml"), ["docs/canteen.txt"], purge=True)
    assert not list(Path(".rag").glob("chats*"))


def test_a_damaged_file_is_found_put_aside_and_begun_anew(indexed: Path) -> None:
    config, path = load("tiny.yaml"), indexed / ".rag" / FILE
    with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
        talk.ask(FIRST)
        talk.ask(NEXT)
        turns = talk.turns
    good = path.read_bytes()
    assert check(Index.at(indexed), None, deep=False) == []
    rng = random.Random(4)
    flips = [good.index(b"Who makes"), good.index(b"default"), *(rng.randrange(len(good)) for _ in range(60))]
    noticed = 0
    for at in flips:
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
            try:
                assert talk.turns == turns
            except CorruptError as error:
                assert "rag check --repair" in str(error)
                noticed += 1
    assert noticed > 10
    path.write_bytes(b"no database " * 99)
    assert [finding.part for finding in check(Index.at(indexed), None, deep=False)] == ["conversations"]
    assert "chats.sqlite.damaged" in repair(Index.at(indexed), config).lost[0]
    assert check(Index.at(indexed), None, deep=False) == [] and path.with_name(f"{FILE}.damaged").exists()
    with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
        assert talk.turns == []


def test_a_file_that_was_only_begun_is_no_damage(indexed: Path) -> None:
    path, journal = indexed / ".rag" / FILE, indexed / ".rag" / f"{FILE}-journal"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=DELETE")
        db.execute("CREATE TABLE some (thing)")
        db.execute("PRAGMA cache_size=1")
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO some VALUES (?)", [(bytes(5000),)] * 20)
        begun, left = path.read_bytes(), journal.read_bytes()
    path.write_bytes(begun)
    journal.write_bytes(left)  # as a killed process leaves them
    assert check(Index.at(indexed), None, deep=False) == []
    with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
        assert talk.turns == []


def test_a_conversation_without_an_index_is_refused_and_one_on_a_full_disk_says_so(
    indexed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(IndexMissing):
        Conversation(Pipeline.load("tiny.yaml", index="elsewhere")).ask(FIRST)
    with Pipeline.load("tiny.yaml") as pipeline, Conversation(pipeline) as talk:
        talk.ask(FIRST)
        connection = talk._graph.checkpointer.conn
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(SpaceError, match="MB needed"):
            for _ in range(20):
                talk.ask(NEXT)


def test_every_line_piped_in_is_a_question(indexed: Path) -> None:
    text = chat(typed=f"{FIRST}\n\n{NEXT}\n").stdout
    assert "made by Halvorsen Optik" in text and "Understood as: Where is its head office? (makes Lumen K2)" in text
    done = chat("--json", typed=f"{NEXT}\n/new\n{NEXT}\n/exit\n{FIRST}\n")
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["question"] == second["question"] == second["asked"] == NEXT != first["asked"]
    assert {"answer", "citations", "abstained", "statements", "hits", "seconds"} <= set(first)


def test_at_a_terminal_there_is_a_prompt_and_the_end_of_input_leaves(indexed: Path) -> None:
    ours, theirs = pty.openpty()
    command = [str(RAG), "chat", "--pipeline", "tiny.yaml"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        shown = _until(ours, b"> ")
        os.write(ours, f"{FIRST}\n".encode())
        shown = _until(ours, b"\n> ")
        assert b"Halvorsen Optik" in shown
        os.write(ours, b"\x04")
        assert process.wait() == 0
    os.close(ours)


def _until(terminal: int, mark: bytes) -> bytes:
    shown = b""
    while not shown.replace(b"\r", b"").endswith(mark):
        shown += os.read(terminal, 4096)
    return shown


def test_open_shows_the_quote_in_its_text(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "Filler sentence about nothing at all. " * 40
    Path("docs/long.md").write_text(f"# Pier\n\n{long}\n\nThe crane at pier seven lifts ninety tons.\n\n{long}")
    ingest(Index.at(indexed), load("tiny.yaml"), ["docs"])
    Path("docs/long.md").unlink()  # it is shown from the index

    def ask(*, open: bool = False, json: bool = False) -> str:
        command.ask("What does the crane at pier seven lift?", pipeline="tiny.yaml", open=open, json=json)
        return capsys.readouterr().out

    text = ask(open=True)
    head, _, tail = text.partition("»The crane at pier seven lifts ninety tons.«")
    assert tail and "docs/long.md, Pier" in head
    before = head.rpartition("docs/long.md, Pier\n")[2]
    assert before.startswith("    ... ") and 300 < len(before) < 450
    assert set(json.loads(ask(open=True, json=True))) == set(json.loads(ask(json=True)))
