"""What stands in `.rag` is the user's own: nothing leads out of it, nobody else reads it, another's is refused."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.reliability.hostile_folders import Place, Variant, forgeries
from rag.config import load
from rag.conversation import Conversation
from rag.errors import CorruptError, RagError, TrustError
from rag.index.entries import check_entries, prepare_folder
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.pipeline import Pipeline

NAMES = (
    "writer.lock", "CURRENT", "CURRENT.new", "seal.json", "seal.json.new", ".gitignore", "generations", "salvage",
    "manifest.sqlite", "manifest.sqlite-wal", "manifest.sqlite-shm", "manifest.sqlite-journal", "chats.sqlite",
    "served.txt.new", "generations/1", "generations/1.lock", "generations/2.new", "generations/1/facts.json",
)  # fmt: skip
PLANT: dict[str, Callable[[Path, Path], object]] = {
    "link": lambda path, victim: path.symlink_to(victim),
    "dangling link": lambda path, victim: path.symlink_to(victim.with_name("nothing")),
    "pipe": lambda path, victim: os.mkfifo(path),
    "hard link": lambda path, victim: path.hardlink_to(victim),
}


def run(folder: Path) -> None:
    ingest(Index.at(folder), load("tiny.yaml"), ["docs"])


def plant(path: Path, how: str, victim: Path) -> None:
    """Put something of this kind in the place of what is there."""
    path.parent.mkdir(exist_ok=True, parents=True)
    if path.exists():
        path.rename(path.with_name("aside"))
    PLANT[how](path, victim)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["link", "dangling link", "pipe", "hard link"])
def test_nothing_in_an_index_leads_a_write_or_a_read_out_of_it(notes: Path, how: str, name: str) -> None:
    victim = notes / "victim"
    victim.write_text("to be kept")
    plant(notes / ".rag" / name, how, victim)
    if how == "hard link":
        with suppress(RagError, OSError):  # one that is not written to in place may stay
            run(notes)
    else:
        with pytest.raises(TrustError, match=Path(name).name):
            run(notes)
        with pytest.raises(TrustError), Index.at(notes).hold_generation():
            pass
    assert victim.read_text() == "to be kept" and not victim.with_name("nothing").exists()


def test_an_index_that_is_a_link_is_not_followed(notes: Path) -> None:
    (notes / "elsewhere").mkdir(mode=0o755)
    (notes / ".rag").symlink_to(notes / "elsewhere")
    with pytest.raises(TrustError, match="not a folder"):
        run(notes)
    assert not list((notes / "elsewhere").iterdir())
    assert stat.S_IMODE((notes / "elsewhere").stat().st_mode) == 0o755


def test_the_index_of_another_user_takes_trust(notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(notes)
    with Pipeline.load("tiny.yaml", index=notes) as pipeline:
        assert pipeline.search("router")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(TrustError, match="--trust"):
        Pipeline.load(index=notes).search("router")
    with pytest.raises(TrustError, match="--trust"):
        run(notes)
    with Pipeline.load("tiny.yaml", index=notes, trust=True) as pipeline:
        assert pipeline.search("router") and pipeline.ingest(["docs"]).count("unchanged") == 4
    monkeypatch.setenv("RAGHOP_TRUST", "1")
    assert Index.at(notes).facts()


@pytest.mark.parametrize(("name", "forgery"), list(forgeries()))
def test_what_no_raghop_writes_is_damage_whatever_its_checksums_say(notes: Path, name: str, forgery: Variant) -> None:
    run(notes)
    forgery.plant(Place(notes, notes, ""))
    with pytest.raises(CorruptError, match="rag check --repair"):
        Pipeline.load("tiny.yaml", index=notes).search("router")


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="sockets in folders")
def test_a_socket_has_one_place_where_nothing_else_may_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".rag"
    prepare_folder(folder, trust=False)
    monkeypatch.chdir(folder)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as other:
        server.bind("server.sock")
        check_entries(folder, trust=False)
        other.bind("writer.lock")
        with pytest.raises(TrustError, match=r"writer\.lock: no file"):
            check_entries(folder, trust=False)
    Path("writer.lock").unlink()
    for how in ("link", "pipe"):
        Path("server.sock").unlink()
        PLANT[how](Path("server.sock"), tmp_path)
        with pytest.raises(TrustError, match=r"server\.sock: "):
            check_entries(folder, trust=False)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files are counted in /proc")
def test_to_look_at_a_folder_leaves_no_file_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    for _ in range(2):
        prepare_folder(tmp_path / ".rag", trust=False)
    assert os.listdir("/proc/self/fd") == before


def test_only_its_owner_can_read_an_index(notes: Path) -> None:
    (notes / ".rag").mkdir(mode=0o755)
    run(notes)
    with Pipeline.load("tiny.yaml", index=notes) as pipeline, Conversation(pipeline) as talk:
        talk.ask("Who makes the Lumen K2?")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (notes / ".rag").iterdir() if path.is_file()}
    assert stat.S_IMODE((notes / ".rag").stat().st_mode) == 0o700
    assert "chats.sqlite" in modes and set(modes.values()) == {0o600}
