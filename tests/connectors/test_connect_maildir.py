"""Maildirs: a mail is itself whatever was done with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.errors import InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag_connectors.maildir import Maildir

MAIL = b"From: Ana <a@x.example>\nSubject: Pump %d\n\nThe seal leaks.\n"


@pytest.fixture
def box(tmp_path: Path) -> Path:
    top = tmp_path / "Mail"
    for place in ("cur", "new", "tmp", ".Sent/cur", ".Sent/new"):
        (top / place).mkdir(parents=True)
    (top / "cur/1.M1.host:2,S").write_bytes(MAIL % 1)
    (top / "new/2.M2.host").write_bytes(MAIL % 2)
    (top / "cur/3.M3.host:2,ST").write_bytes(MAIL % 3)
    (top / "tmp/4.M4.host").write_bytes(MAIL % 4)
    (top / ".Sent/cur/5.M5.host:2,").write_bytes(MAIL % 5)
    return top


class TestMaildir(ConnectorConformance):
    @pytest.fixture
    def folder(self, box: Path) -> tuple[Connector, Path]:
        return Maildir(workers=1), box


def test_mails_keep_their_names(box: Path) -> None:
    connector = Maildir(workers=1)
    before = {source.name: source for source in connector.scan([str(box)], base=str(box.parent))}
    assert set(before) == {"Mail/1.M1.host", "Mail/2.M2.host", "Mail/.Sent/5.M5.host"}
    (box / "new/2.M2.host").rename(box / "cur/2.M2.host:2,RS")
    after = {source.name: source for source in connector.scan([str(box)], base=str(box.parent))}
    assert {name: source.stamp for name, source in after.items()} == {n: s.stamp for n, s in before.items()}
    [loaded] = connector.load([after["Mail/2.M2.host"]])
    [mail] = loaded.documents
    assert (mail.title, mail.source, mail.meta["from"]) == ("Pump 2", "Mail/2.M2.host", "Ana <a@x.example>")
    assert "Mail/.Sent/5.M5.host" not in {
        s.name for s in Maildir(exclude=(".Sent",)).scan([str(box)], base=str(box.parent))
    }
    with pytest.raises(InputError, match="no maildir"):
        list(connector.scan([str(box / "tmp")], base="/"))
