"""Exports for the owner of a key: the same index comes back, nothing of it can be read on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.config import load
from rag.errors import CorruptError, InputError
from rag.index.folder import Index
from rag.ingest.run import ingest
from rag.maintain.archive import export_index, import_index, read_facts
from rag.maintain.encryption import decrypt, export_encrypted
from tests.conftest import NOTES

pyrage = pytest.importorskip("pyrage")


def test_only_its_key_opens_an_encrypted_export(notes: Path) -> None:
    ingest(Index.at(notes), load("tiny.yaml"), ["docs"])
    own, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    (notes / "key.txt").write_text(f"# created: today\n# public key: {own.to_public()}\n{own}\n")
    (notes / "other.txt").write_text(f"{other}\n")
    file, plain = notes / "out.age", notes / "plain.zip"
    counts = export_encrypted(Index.at(notes), file, [str(own.to_public())])
    export_index(Index.at(notes), plain)
    assert file.stat().st_mode & 0o777 == plain.stat().st_mode & 0o777 == 0o600  # for their owner alone
    assert not any(line.encode() in file.read_bytes() for text in NOTES.values() for line in text.split("\n") if line)
    with decrypt(file, notes / "key.txt") as opened:
        assert opened.read_bytes() == plain.read_bytes()
        assert import_index(Index.at(notes / "new"), load("tiny.yaml"), opened) == counts
    assert not opened.exists() and not list(notes.glob(".out*"))
    with pytest.raises(InputError, match="not encrypted for the key in"), decrypt(file, notes / "other.txt"):
        pass
    with pytest.raises(InputError, match="is encrypted; give the private key"):
        read_facts(file)
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(CorruptError, match="damaged"), decrypt(file, notes / "key.txt"):
        pass


def test_what_is_no_key_is_said(notes: Path) -> None:
    ingest(Index.at(notes), load("tiny.yaml"), ["docs"])
    with pytest.raises(InputError, match="--recipient 'age1x': no public key"):
        export_encrypted(Index.at(notes), notes / "out.age", ["age1x"])
    (notes / "key.txt").write_text("nonsense")
    with pytest.raises(InputError, match="no private key"), decrypt(notes / "out.age", notes / "key.txt"):
        pass
    (notes / "key.txt").write_text("# nothing\n")
    with pytest.raises(InputError, match="holds no key"), decrypt(notes / "out.age", notes / "key.txt"):
        pass
    assert not (notes / "out.age").exists()
