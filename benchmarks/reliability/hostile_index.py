"""S4: an index that somebody made to harm who asks it, and every command on it.

Nothing outside it may change, no connection may be opened but to what the user names, no secret may be in what is sent,
printed or kept in the index, and what is refused is refused in one line. The environment has a proxy, a tracing
service and a key, so that whoever asks it for them is found out.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.reliability import apart, corpus
from benchmarks.reliability.hostile_folders import SECRET, VARIABLE, Place, Variant, variants
from benchmarks.reliability.outcome import Outcome, Row

SECONDS = 120.0  # for a command; one that waits for a pipe waits for ever


class Listener:
    """A server that remembers what it is sent and answers with an error."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                self.heard.append(connection.recv(1 << 20))
                connection.sendall(b"HTTP/1.1 500 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def _watched(words: list[str], folder: Path, output: Path, environment: dict[str, str]) -> None:
    """The command, with every connection it opens and every name it looks up noted beside its output."""
    os.environ.update(environment)

    def note(function: Any) -> Any:
        def call(*arguments: Any, **more: Any) -> Any:
            with open(output.with_suffix(".net"), "a") as log:
                log.write(f"{arguments[-1] if function is connect else arguments[:2]}\n")
            return function(*arguments, **more)

        return call

    connect = socket.socket.connect
    socket.socket.connect = note(connect)  # type: ignore[method-assign]
    socket.getaddrinfo = note(socket.getaddrinfo)
    apart.run_command(words, folder, output, None)


def _snapshot(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything under a folder: kind, mode, owner, time and content."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted([folder, *folder.rglob("*")]):
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        found[str(path)] = (status.st_mode, status.st_uid, status.st_mtime_ns, content)
    return found


def _run(place: Place, command: str, environment: dict[str, str]) -> tuple[apart.Done | None, str]:
    """What a command did, None where it did not end, and the connections it opened."""
    with TemporaryDirectory() as name:
        output = Path(name) / "said"
        for suffix in (".out", ".err", ".net"):
            output.with_suffix(suffix).touch()
        process = apart.start(_watched, command.split(), place.folder, output, environment)
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
            return None, ""
        return apart.ended(process, output, 0.0), output.with_suffix(".net").read_text()


def _judge(place: Place, variant: Variant, command: str, environment: dict[str, str]) -> list[str]:
    """What was wrong with what a command did."""
    did, net = _run(place, command, environment)
    if did is None:
        return ["did not end"]
    wrong = []
    if net and not variant.own:
        wrong.append(f"opened {net.strip()!r}")
    if SECRET in did.out + did.err:
        wrong.append("printed the secret")
    if "bug in raghop" in did.err or "Traceback" in did.err or did.code < 0:
        wrong.append(f"ended with {did.code}: {did.err[-200:]}")
    said = variant.said.replace("HERE", str(place.folder))
    lines = [line for line in did.err.splitlines() if "Warning" not in line and not line.startswith(" ")]
    if command in variant.refused and (did.code in (0, 3) or said not in did.err or len(lines) != 1):
        wrong.append(f"was not refused in one line that says {said!r} but ended with {did.code}: {did.err[-300:]}")
    return wrong


def _attack(clean: Path, home: Path, name: str, variant: Variant) -> list[str]:
    """Plant it in a copy of the index, and run its commands."""
    (home / "outside" / "victims").mkdir(parents=True)
    (home / "outside" / "victim.txt").write_text("to be kept")
    (home / "outside" / "victims" / "key.txt").write_text(SECRET)
    (home / "outside" / "victims" / "CURRENT").write_text("1 00000000\n")  # so that it looks like an index
    shutil.copytree(clean, home / "folder")
    named, other = Listener(), Listener()
    place = Place(home / "folder", home / "outside", named.url)
    environment = {
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), other.url),
        "NO_PROXY": "",
        **dict.fromkeys(("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"), "true"),
        "LANGSMITH_ENDPOINT": other.url,
        **dict.fromkeys(("LANGSMITH_API_KEY", VARIABLE), SECRET),
    }
    try:
        variant.plant(place)
        before = _snapshot(place.outside)
        wrong = [
            f"{command}: {what}"
            for command in (*variant.refused, *variant.others)
            for what in _judge(place, variant, command, environment)
        ]
    finally:
        named.close()
        other.close()
    if _snapshot(place.outside) != before:
        wrong.append("something outside was changed")
    if other.heard or (named.heard and not variant.own):
        wrong.append(f"sent {(named.heard + other.heard)[0][:200]!r}")
    if variant.own and not any(SECRET.encode() in heard for heard in named.heard):
        wrong.append("the named server was not asked with its key")
    kept = [path for path in place.folder.rglob("*") if path.is_file() and not path.is_symlink()]
    kept = [path for path in kept if path.suffix != ".yaml" and not path.samefile(home / "outside" / "victim.txt")]
    wrong += [f"the secret is in {path.name}" for path in kept if SECRET.encode() in path.read_bytes()]
    return [f"{name}: {what}" for what in wrong]


def hostile_index(count: int) -> Outcome:
    """The first `count` variants, the kinds mixed; owners only where this may be changed."""
    lost: list[str] = []
    failed = 0
    known = {
        name: one for name, one in variants().items() if os.geteuid() == 0 or not name.endswith(("user", "a link"))
    }
    with TemporaryDirectory() as name:
        clean = Path(name) / "clean"
        clean.mkdir()
        corpus.write(clean / "docs", range(5))
        corpus.run(clean, corpus.pipeline(clean))
        chosen = list(known.items())[:count]
        commands = sum(len(one.refused) + len(one.others) for _, one in chosen)
        for number, (called, variant) in enumerate(chosen):
            wrong = _attack(clean, Path(name) / str(number), called, variant)
            failed += bool(wrong)
            lost += wrong
    return Outcome(len(chosen), len(chosen) - failed, lost, f"{commands} commands")


ROWS: dict[str, Row] = {"S4": hostile_index}
