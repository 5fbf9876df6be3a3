"""`rag ask` by a server: what it prints is what the command alone prints, and nobody else can be at either end."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from rag.cli import app, door
from rag.config import load
from rag.errors import TrustError
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.pipeline import Pipeline
from rag.serve import client, wire
from rag.serve.app import make_app
from rag.serve.settings import settings_of
from tests.conftest import NOTES

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets in folders")

RAG = Path(sys.executable).parent / "rag"
QUESTION = "Where is the head office of the maker of the router in building 4?"
Warm = Callable[..., tuple[int | None, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index, which each test gets a copy of."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "docs").mkdir()
    for name, text in NOTES.items():
        (folder / "docs" / name).write_text(text)
    ingest(Index.at(folder), load(str(Path(__file__).parent / "tiny.yaml")), [str(folder / "docs")])
    return folder


@pytest.fixture
def indexed(made: Path, notes: Path) -> Path:
    return Path(shutil.copytree(made, notes, dirs_exist_ok=True))


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[None]:
    """A server of the folder's index, its socket there, if it gets one."""
    server = make_app(settings_of({"indexes": {"notes": str(folder)}, **settings}), door.open_doors)
    with TestClient(server):
        limit = time.monotonic() + 5
        while not (folder / ".rag" / "server.sock").exists() and time.monotonic() < limit:
            time.sleep(0.01)
        yield


@pytest.fixture
def warm(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Warm:
    """Exit code, output and errors of `rag ask WORDS` by a server; None where it leaves that to the command."""
    monkeypatch.setattr(client, "PATIENCE", 60.0)
    monkeypatch.setenv("COLUMNS", "70")
    for name in client._OWN:
        monkeypatch.delenv(name, raising=False)

    def ask(*words: str) -> tuple[int | None, str, str]:
        capfd.readouterr()
        code = client.ask(list(words))
        out, err = capfd.readouterr()
        return code, out, err

    return ask


def plain(text: str) -> str:
    """Without times, and the blanks that set them right."""
    return re.sub(r'"seconds": [\d.e-]+| *[\d.]+ ms', "-", text)


@pytest.mark.parametrize(
    "words",
    [
        [QUESTION],
        [QUESTION, "--json", "--trace"],
        [QUESTION, "--trace", "-k", "2", "--open"],
        ["--source", "*.txt", "--source", "docs/r*", "--", "When is soup served?"],
        ["Who is Zorblax Quux?"],
        ["Who?", "--source", "none*"],
        ["Who?", "--where", "colour=red"],
        [" "],
        ["Wo ist die Kantine und wann öffnet sie am Morgen?"],
        ["Where is it?", "--index", "."],
    ],
)
def test_a_server_prints_what_the_command_does(
    indexed: Path, warm: Warm, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(indexed):
        code, out, err = warm(*words)
    alone = CliRunner().invoke(app, ["ask", *words])
    if alone.exception and not isinstance(alone.exception, SystemExit):  # what `run` makes a message and a code
        assert (code, out, err) == (getattr(alone.exception, "exit_code", 1), "", f"rag: {alone.exception}\n")
    else:
        assert (code, plain(out), err) == (alone.exit_code, plain(alone.stdout), alone.stderr)


def test_on_a_terminal_it_is_in_colour_and_as_wide(indexed: Path) -> None:
    """By the installed command, on a pseudo-terminal."""
    import pty

    def shown(*words: str) -> tuple[int, bytes]:
        mine, its = pty.openpty()
        environment = {**os.environ, "COLUMNS": "45"}
        with subprocess.Popen([RAG, "ask", QUESTION, *words], stdout=its, stderr=its, env=environment) as process:
            os.close(its)
            text = b""
            try:
                while piece := os.read(mine, 1 << 16):
                    text += piece
            except OSError:
                pass
            os.close(mine)
        return process.returncode, text

    with serving(indexed):
        by_server = shown()
        assert b"\033[36m" in by_server[1]
        assert by_server == shown("--no-server")


@pytest.mark.parametrize(
    "words",
    [
        ["--no-server"],
        ["--help"],
        ["--pipeline", "tiny.yaml"],
        ["--llm", "http://127.0.0.1:9/v1", "--model", "m"],
        ["--trust"],
        ["-k", "0"],
        ["--index", "docs"],
        ["--wrong"],
        ["two"],
    ],
)
def test_what_cannot_go_by_the_server_the_command_does_itself(indexed: Path, warm: Warm, words: list[str]) -> None:
    with serving(indexed):
        assert warm(QUESTION, *words) == (None, "", "")


def test_another_pipeline_version_or_environment_is_not_the_command_s(
    indexed: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (indexed / "other.yaml").write_text((indexed / "tiny.yaml").read_text().replace("k: 5", "k: 4"))
    with serving(indexed, pipeline=str(indexed / "other.yaml")):
        assert warm(QUESTION) == (None, "", "")
    with serving(indexed, pipeline=str(indexed / "tiny.yaml")):
        assert warm(QUESTION)[0] == 0
        monkeypatch.setenv("RAGHOP_PIPELINE", "tiny.yaml")
        assert warm(QUESTION) == (None, "", "")
        monkeypatch.delenv("RAGHOP_PIPELINE")
        monkeypatch.setattr(client, "__version__", "0.0.0")
        assert warm(QUESTION) == (None, "", "")


def test_an_index_above_is_found_and_one_below_is_another(
    indexed: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    (indexed / "docs" / "deep").mkdir()
    with serving(indexed):
        monkeypatch.chdir(indexed / "docs" / "deep")
        assert warm(QUESTION)[0] == 0
        assert warm(QUESTION, "--index", "../..")[0] == 0
        assert warm(QUESTION, "--index=.") == (None, "", "")


def test_a_long_path_is_no_obstacle(indexed: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = indexed / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    (indexed / ".rag").rename(deep / ".rag")
    monkeypatch.chdir(deep)
    with serving(deep):
        assert warm(QUESTION)[0] == (0 if sys.platform == "linux" else None)


def test_only_this_user_is_at_either_end(indexed: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch) -> None:
    sock = indexed / ".rag" / "server.sock"
    with serving(indexed):
        assert (sock.lstat().st_mode & 0o777, warm(QUESTION)[0]) == (0o600, 0)
        sock.chmod(0o660)
        assert warm(QUESTION) == (None, "", "")
        sock.chmod(0o600)
        (indexed / ".rag").chmod(0o720)
        assert warm(QUESTION) == (None, "", "")
        (indexed / ".rag").chmod(0o700)
        peer, me = wire.peer, threading.main_thread()
        for mine in (True, False):  # who asks sees another user's server, then the server another user
            wrong = lambda c, mine=mine: peer(c) + ((threading.current_thread() is me) == mine)  # noqa: E731
            monkeypatch.setattr(wire, "peer", wrong)
            assert warm(QUESTION) == (None, "", "")
        monkeypatch.setattr(wire, "peer", peer)
        assert warm(QUESTION)[0] == 0
    assert not sock.exists()
    sock.write_text("no socket")
    assert warm(QUESTION) == (None, "", "")


def test_a_socket_is_of_the_first_server_and_a_dead_one_s_is_replaced(indexed: Path, warm: Warm) -> None:
    sock = indexed / ".rag" / "server.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(sock))
    sock.chmod(0o600)
    assert warm(QUESTION) == (None, "", "")
    dead = sock.lstat().st_ino
    with serving(indexed):
        limit = time.monotonic() + 60
        while (warm(QUESTION)[0] != 0) and time.monotonic() < limit:
            pass
        first = sock.lstat()
        with serving(indexed):
            assert warm(QUESTION)[0] == 0
        assert sock.lstat() == first and warm(QUESTION)[0] == 0
    assert not sock.exists() and dead


@contextmanager
def pretending(folder: Path, *frames: bytes) -> Iterator[None]:
    """A server that answers anything with these frames and waits, unless the last one is empty."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / ".rag" / "server.sock"))
        (folder / ".rag" / "server.sock").chmod(0o600)
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"".join(frames))
                if frames and not frames[-1]:
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(1 << 16):
                    pass

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield
        thread.join(60)
        assert not thread.is_alive()


def test_a_server_that_does_not_answer_is_not_waited_for(
    indexed: Path, warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE", 0.2)
    with pretending(indexed):
        assert warm(QUESTION) == (None, "", "")


def test_a_server_that_ends_amid_an_answer_is_an_error(indexed: Path, warm: Warm) -> None:
    with pretending(indexed, wire.pack(wire.TAKEN), wire.pack(wire.OUT, b"The head"), b""):
        code, out, err = warm(QUESTION)
    assert (code, out) == (1, "The head") and "--no-server" in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_as_it_does_without_a_server(indexed: Path, number: signal.Signals) -> None:
    with pretending(indexed, wire.pack(wire.TAKEN), wire.pack(wire.OUT, b"The head\n")):
        pipe = subprocess.PIPE
        with subprocess.Popen([RAG, "ask", QUESTION], stdout=pipe, stderr=pipe, text=True) as process:
            assert process.stdout and process.stderr and process.stdout.readline() == "The head\n"
            process.send_signal(number)
            said = process.stderr.read()
        assert (process.returncode, said) == (128 + number, "rag: interrupted.\n")


def test_who_goes_away_ends_the_question(indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def work(pipe: Pipeline, question: str, **options: Any) -> int:
        try:
            while True:
                pipe.stages.check()
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(door, "answer_question", work)
    with serving(indexed), socket.socket(socket.AF_UNIX) as connection:
        assert client._connect(connection, str(indexed))
        connection.settimeout(60)
        connection.sendall(wire.pack(wire.WORDS, json.dumps(client._request([QUESTION])).encode()))
        assert connection.recv(wire.HEADER.size) == wire.pack(wire.TAKEN)
        assert not ended.is_set()
        connection.close()
        assert ended.wait(60)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\n\r\n", wire.pack(b"w", b"{"), wire.pack(b"w", b"[]"), b"w\xff\xff\xff\xff"]
)
def test_what_is_no_question_is_no_harm(indexed: Path, warm: Warm, sent: bytes) -> None:
    with serving(indexed):
        with socket.socket(socket.AF_UNIX) as connection:
            assert client._connect(connection, str(indexed))
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1 << 16) in (b"", wire.pack(wire.COLD))
        assert warm(QUESTION)[0] == 0


def test_the_socket_is_the_only_entry_that_is_no_file(indexed: Path) -> None:
    with serving(indexed):
        assert Pipeline.load(index=indexed).ask(QUESTION).hits
        ingest(Index.at(indexed), load(str(indexed / "tiny.yaml")), [str(indexed / "docs")])
        assert CliRunner().invoke(app, ["check", "--deep"]).exit_code == 0
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(indexed / ".rag" / "other.sock"))
    with pytest.raises(TrustError, match=r"other\.sock"):
        Pipeline.load(index=indexed).ask(QUESTION)


def test_asking_a_server_loads_next_to_nothing() -> None:
    code = "import sys\nfrom rag.serve import client\nprint(sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not [
        name for name in ("typer", "numpy", "pydantic", "yaml", "asyncio", "starlette") if f"'{name}'" in loaded
    ]
