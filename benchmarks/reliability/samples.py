"""Sound files of every type: the example documents, and as many generated ones as asked for."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

from benchmarks.reliability.corpus import sentence
from tests.connectors import samples as make

EXAMPLES = Path(__file__).parents[2] / "examples" / "documents"


def _examples() -> dict[str, bytes]:
    files = {path.name: path.read_bytes() for path in sorted(EXAMPLES.rglob("*")) if path.is_file()}
    files["tickets.jsonl.gz"] = gzip.compress(files["tickets-2026.jsonl"], mtime=0)
    files["parts.eml"] = _parts([sentence(number) for number in range(40)])
    return files


def _parts(lines: list[str]) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Berths", "a@b.example", "c@d.example"
    message.set_content("\n".join(lines), cte="base64")
    message.add_alternative("".join(f"<p>{line}</p>" for line in lines), subtype="html")
    message.set_boundary("=====parts=====")
    return message.as_bytes()


FILES = _examples()


def _lines(rng: random.Random) -> list[str]:
    return [sentence(rng.randrange(10_000)) for _ in range(rng.randrange(3, 12))]


def _html(lines: list[str]) -> bytes:
    body = "".join(f"<p>{line}</p>\n" for line in lines)
    return f"<!DOCTYPE html>\n<html><head><title>Berths</title></head>\n<body>\n{body}</body></html>\n".encode()


def _eml(lines: list[str]) -> bytes:
    return ("From: a@b.example\nTo: c@d.example\nSubject: Berths\n\n" + "\n".join(lines) + "\n").encode()


BUILDERS: dict[str, Callable[[list[str]], bytes]] = {
    "pdf": lambda lines: make.pdf([lines[:4], lines[4:] or lines]),
    "docx": lambda lines: make.docx("".join(map(make.paragraph, lines))),
    "pptx": lambda lines: make.pptx([("Berth", line) for line in lines]),
    "xlsx": lambda lines: make.xlsx({"Berths": [["text"], *([line] for line in lines)]}),
    "epub": lambda lines: make.epub([f"<p>{line}</p>" for line in lines], title="Berths"),
    "html": _html,
    "eml": _eml,
    "json": lambda lines: json.dumps([{"text": line} for line in lines]).encode(),
    "jsonl": lambda lines: "\n".join(json.dumps({"text": line}) for line in lines).encode(),
    "txt": lambda lines: "\n".join(lines).encode(),
    "md": lambda lines: ("# Berths\n\n" + "\n\n".join(lines)).encode(),
    "csv": lambda lines: ("number,text\n" + "\n".join(f'{n},"{line}"' for n, line in enumerate(lines))).encode(),
}


def sound(count: int) -> dict[str, bytes]:
    """The examples and generated files, `count` in all or a few more."""
    rng = random.Random(5)
    files = dict(FILES)
    for number in range(count - len(files)):
        kind = sorted(BUILDERS)[number % len(BUILDERS)]
        files[f"made-{number}.{kind}"] = BUILDERS[kind](_lines(rng))
    return files
