"""Shared fixtures: a private cache, no network but loopback, a small offline pipeline and a folder to ingest."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("anywhere", deadline=None)  # a busy machine is no failure
settings.load_profile("anywhere")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

TINY = (Path(__file__).parent / "tiny.yaml").read_text()

NOTES = {
    "router.md": "# Network\n\nThe router in building 4 is a Lumen K2. It was installed in spring.\n",
    "lumen.md": "# Lumen K2\n\nThe Lumen K2 is a router made by Halvorsen Optik. It draws 40 watts.\n",
    "halvorsen.md": "# Halvorsen Optik\n\nHalvorsen Optik has its head office in Tarnvik. It makes optical gear.\n",
    "canteen.txt": "The canteen opens at seven. Soup is served until two in the afternoon.\n",
}


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Models exported by tests go to a folder of this run."""
    os.environ["RAGHOP_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session", autouse=True)
def servers_know_the_test_client() -> None:
    """A server may be asked by the name under which Starlette's test client asks it."""
    with suppress(ModuleNotFoundError):
        from rag.serve import limits

        limits.LOCAL_NAMES |= {"testserver"}


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_a_terminal() -> None:
    """A shell's background job ignores Ctrl-C, and what it starts inherits that; commands here shall hear it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Any connection that leaves this machine fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in {"127.0.0.1", "::1", "localhost", "local"}:
            raise AssertionError(f"a test tried to reach {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    yield


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with four small documents in `docs/` and `tiny.yaml`; the current directory."""
    (tmp_path / "docs").mkdir()
    for name, text in NOTES.items():
        (tmp_path / "docs" / name).write_text(text)
    (tmp_path / "tiny.yaml").write_text(TINY)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an index of the four small documents, for tests that change nothing in it."""
    from rag.pipeline import Pipeline

    folder = tmp_path_factory.mktemp("served")
    (folder / "docs").mkdir()
    for name, text in NOTES.items():
        (folder / "docs" / name).write_text(text)
    (folder / "tiny.yaml").write_text(TINY)
    with Pipeline.load(str(folder / "tiny.yaml"), index=folder) as pipeline:
        pipeline.ingest([folder / "docs"])
    return folder
