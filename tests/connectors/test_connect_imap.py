"""Mails on a server are read without a trace, and again only where there are others."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rag.errors import ConfigError, InputError
from rag.stages import Connector
from rag.testing import ConnectorConformance
from rag.types import Source
from rag_connectors.imap import Imap
from rag_connectors.imap_client import Address, _from_wire, _to_wire
from tests.connectors.imap_server import Mails, imap_server

MAIL = (
    b"From: Ana <ana@x.example>\r\nDate: Tue, 4 Mar 2025 09:00:00 +0000\r\nSubject: Pump %d\r\n\r\nThe seal leaks.\r\n"
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mails]:
    monkeypatch.setenv("IMAP_PASSWORD", "secret")
    monkeypatch.setattr("rag_connectors.imap_client._WAITS", (0.01, 0.01))
    with imap_server("secret") as mails:
        mails.folders["INBOX"] = {3: (r"\Seen", MAIL % 3), 5: ("", MAIL % 5), 6: (r"\Deleted", MAIL % 6)}
        mails.folders["B&APw-ro"] = {1: ("", MAIL % 1)}
        yield mails


def root(server: Mails, folder: str = "") -> str:
    return f"imap://ana@127.0.0.1:{server.port}/{folder}".rstrip("/")


def scan(address: str, **options: object) -> dict[str, Source]:
    found = Imap(**{"workers": 1, **options}).scan([address], base="/")  # type: ignore[arg-type]
    return {source.name.partition("@")[2].partition("/")[2]: source for source in found}


class TestImap(ConnectorConformance):
    @pytest.fixture
    def folder(self, server: Mails) -> tuple[Connector, str]:
        return Imap(workers=1, per_second=100), root(server)


def test_mails_of_a_server(server: Mails) -> None:
    first = scan(root(server))
    assert set(first) == {"INBOX/7-3", "INBOX/7-5", "B%C3%BCro/7-1"} and not [a for a in server.asked if "PEEK" in a]
    [loaded] = Imap(workers=1).load([first["B%C3%BCro/7-1"]])
    [mail] = loaded.documents
    assert (mail.title, mail.meta["folder"], mail.meta["from"]) == ("Pump 1", "Büro", "Ana <ana@x.example>")
    assert str(mail.meta["url"]).endswith("/B%C3%BCro;UIDVALIDITY=7/;UID=1")
    server.folders["INBOX"][3] = ("", MAIL % 3)  # flags do not count
    server.folders["INBOX"][8] = server.folders["INBOX"].pop(5)  # moved away and back
    second = scan(root(server, "INBOX"))
    assert set(second) == {"INBOX/7-3", "INBOX/7-8"} and second["INBOX/7-3"] == scan(root(server, "INBOX"))["INBOX/7-3"]
    assert set(scan(root(server), exclude=("INBOX",))) == {"B%C3%BCro/7-1"}
    server.validity = 8
    [anew] = Imap(workers=1).load([second["INBOX/7-3"]])
    assert anew.status == "failed" and "numbered the folder anew" in anew.reason


def test_a_cut_connection_is_made_again(server: Mails) -> None:
    found = scan(root(server, "INBOX"))
    server.cuts = 1
    assert [one.status for one in Imap(workers=1, per_second=100).load(found.values())] == ["ok", "ok"]
    server.cuts = 9
    one, two = Imap(workers=1, per_second=100).load(found.values())
    assert one.status == two.status == "failed" and "the connection was cut" in one.reason
    server.shut = "INBOX"
    kept = scan(root(server))
    assert "what was indexed of it is kept" in kept["INBOX"].reason and "B%C3%BCro/7-1" in kept
    [large] = Imap(max_mb=1).load([Source("x", found["INBOX/7-3"].path, (2 << 20, 0, 0, 0))])
    assert large.status == "skipped" and "connector.max_mb" in large.reason


def test_what_is_wrong_is_named(server: Mails, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, says in (
        (root(server, "Absent"), r"no such folder\. There are: Büro, INBOX"),
        ("imap://ana@127.0.0.1:9", "does not answer.*host and port"),
        ("imap://ana@no.invalid", "no host no.invalid"),
        ("imap://ana:secret@127.0.0.1", "leave the password out"),
        ("http://x.example", "not the address of a mailbox"),
        (root(server).replace("imap://", "imaps://"), "no TLS on port"),
    ):
        with pytest.raises(InputError, match=says):
            scan(address)
    monkeypatch.setenv("IMAP_PASSWORD", "wrong")
    with pytest.raises(InputError, match=r"refuses the login.*connector\.password_env"):
        scan(root(server))
    with pytest.raises(ConfigError, match="NO_SUCH"):
        scan(root(server), password_env="NO_SUCH")
    server.silent = True
    with pytest.raises(InputError, match=r"connector\.patience"):
        scan(root(server), patience=0.2)


def test_encryption_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = (
        made.not_valid_before(now - timedelta(1))
        .not_valid_after(now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
    )
    pem, private = tmp_path / "own.pem", serialization.PrivateFormat.PKCS8
    pem.write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    monkeypatch.setenv("IMAP_PASSWORD", "secret")
    with imap_server("secret", context) as mails:
        mails.folders["INBOX"] = {1: ("", MAIL % 1)}
        address = root(mails).replace("imap://", "imaps://")
        with pytest.raises(InputError, match="SSL_CERT_FILE"):
            scan(address)
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert set(scan(address)) == {"INBOX/7-1"}


@pytest.mark.parametrize(("name", "wire"), [("Büro", '"B&APw-ro"'), ("A&B", '"A&-B"'), ('a"b\\', r'"a\"b\\"')])
def test_names_of_folders(name: str, wire: str) -> None:
    assert _to_wire(name) == wire and _from_wire(wire.encode()) == name
    assert _from_wire(b"{4}Mail") == "Mail" and Address.of("imaps://a%40b@h/In%20box").user == "a@b"
