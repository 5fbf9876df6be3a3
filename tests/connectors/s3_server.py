"""The part of S3 that reading needs, on this machine: listings in pages, HEAD, GET, faults as XML."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

_DATE = "Tue, 04 Mar 2025 09:00:00 GMT"
_PAGE = 2  # keys of one listing


@dataclass
class S3:
    """Objects by key of the one bucket `yard`; what was asked for; how often it is too busy first."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    busy: int = 0


@contextmanager
def s3_server(key: str) -> Iterator[S3]:
    """A server that knows one access key."""
    found = S3()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            bucket, _, name = unquote(parts.path).lstrip("/").partition("/")
            found.asked.append(f"{self.command} {name or parse_qs(parts.query).get('prefix', [''])[0]}")
            if found.busy:
                found.busy -= 1
                return self._fault(503, "SlowDown")
            if f"Credential={key}/" not in self.headers.get("Authorization", ""):
                return self._fault(403, "InvalidAccessKeyId")
            if bucket != "yard":
                return self._fault(404, "NoSuchBucket")
            if not name:
                return self._send(200, self._listing(parse_qs(parts.query)), content_type="application/xml")
            if name not in found.objects:
                return self._fault(404, "NoSuchKey")
            data = found.objects[name]
            first, _, last = self.headers.get("Range", f"bytes=0-{len(data)}").removeprefix("bytes=").partition("-")
            part = data[int(first) : int(last or len(data)) + 1]
            self._send(206 if "Range" in self.headers else 200, part, tag=_tag(data))

        do_HEAD = do_GET

        def _listing(self, asked: dict[str, list[str]]) -> bytes:
            prefix, after = asked.get("prefix", [""])[0], asked.get("continuation-token", [""])[0]
            names = sorted(name for name in found.objects if name.startswith(prefix) and name > after)
            entries = "".join(
                f"<Contents><Key>{name}</Key><LastModified>2025-03-04T09:00:00.000Z</LastModified>"
                f"<ETag>&quot;{_tag(found.objects[name])}&quot;</ETag><Size>{len(found.objects[name])}</Size></Contents>"
                for name in names[:_PAGE]
            )
            more = f"<NextContinuationToken>{names[_PAGE - 1]}</NextContinuationToken>" if names[_PAGE:] else ""
            cut = str(bool(names[_PAGE:])).lower()
            head = f"<Name>yard</Name><KeyCount>{len(names[:_PAGE])}</KeyCount><IsTruncated>{cut}</IsTruncated>"
            return f"<ListBucketResult>{head}{entries}{more}</ListBucketResult>".encode()

        def _fault(self, status: int, code: str) -> None:
            body = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            self._send(status, body, content_type="application/xml")

        def _send(self, status: int, body: bytes, *, tag: str = "", content_type: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", _DATE)
            if tag:
                self.send_header("ETag", f'"{tag}"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _tag(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()
