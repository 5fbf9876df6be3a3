"""Small files of every type, built in memory."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO

import openpyxl
import pypdf

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    """A zip archive."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return buffer.getvalue()


def core(title: str) -> str:
    """An Office file's properties."""
    return f'<cp xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></cp>'


def docx(body: str, *, title: str = "", footnotes: str = "") -> bytes:
    """A Word file of WordprocessingML, with the styles Title, berschrift1 ("heading 1") and berschrift2."""
    styles = "".join(
        f'<w:style w:styleId="{id_}"><w:name w:val="{name}"/></w:style>'
        for id_, name in (("Titel", "Title"), ("berschrift1", "heading 1"), ("berschrift2", "heading 2"))
    )
    return archive(
        {
            "word/document.xml": f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>',
            "word/styles.xml": f'<w:styles xmlns:w="{_WORD}">{styles}</w:styles>',
            "word/footnotes.xml": f'<w:footnotes xmlns:w="{_WORD}">{footnotes}</w:footnotes>',
            "docProps/core.xml": core(title),
        }
    )


def paragraph(text: str, *, style: str = "") -> str:
    """A paragraph of WordprocessingML."""
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r><w:t>{text}</w:t></w:r></w:p>"


def pptx(slides: Sequence[tuple[str, str]], *, notes: str = "") -> bytes:
    """Slides of a title and a line; the notes belong to the last one."""
    parts: dict[str, str | bytes] = {}
    targets, ids = [], []
    for number, (title, line) in enumerate(slides, 1):
        shapes = _shape("title", title) + _shape("body", line) + _shape("sldNum", str(number))
        # stored in reverse, so that reading order and part order differ
        part = f"slides/slide{len(slides) - number + 1}.xml"
        parts[f"ppt/{part}"] = f'<p:sld xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}"><p:cSld>{shapes}</p:cSld></p:sld>'
        targets.append(f'<Relationship Id="r{number}" Type="{_OFFICE}/slide" Target="{part}"/>')
        ids.append(f'<p:sldId r:id="r{number}"/>')
        if notes and number == len(slides):
            parts[f"ppt/slides/_rels/{part.removeprefix('slides/')}.rels"] = relations(
                f'<Relationship Id="n" Type="{_OFFICE}/notesSlide" Target="../notesSlides/notes.xml"/>'
            )
            shape = _shape("body", notes)
            parts["ppt/notesSlides/notes.xml"] = f'<p:notes xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}">{shape}</p:notes>'
    listing = f"<p:sldIdLst>{''.join(ids)}</p:sldIdLst>"
    parts["ppt/presentation.xml"] = f'<p:x xmlns:p="{_SLIDES}" xmlns:r="{_OFFICE}">{listing}</p:x>'
    parts["ppt/_rels/presentation.xml.rels"] = relations("".join(targets))
    return archive(parts)


def xlsx(sheets: Mapping[str, Sequence[Sequence[object]]], *, title: str = "") -> bytes:
    """A workbook."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    book.properties.title = title
    buffer = BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def epub(chapters: Sequence[str], *, title: str = "") -> bytes:
    """A book of XHTML bodies, listed in the manifest in reverse."""
    numbers = range(len(chapters))
    items = "".join(
        f'<item id="c{n}" href="text/c{n}.xhtml" media-type="application/xhtml+xml"/>' for n in reversed(numbers)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in numbers)
    container = '<rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles>'
    return archive(
        {
            "META-INF/container.xml": f'<c xmlns="urn:oasis:names:tc:opendocument:xmlns:container">{container}</c>',
            "OPS/book.opf": f'<package xmlns="http://www.idpf.org/2007/opf"><metadata '
            f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title></metadata>'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **{f"OPS/text/c{n}.xhtml": f"<html><body>{chapters[n]}</body></html>" for n in numbers},
        }
    )


def pdf(pages: Sequence[Sequence[str]], *, title: str = "", password: str = "", picture: bool = False) -> bytes:
    """Pages of lines. With `picture`, pages without lines show an image."""
    streams = []
    for lines in pages:
        shown = "".join(f"({line}) Tj 0 -14 Td " for line in lines)
        streams.append(f"BT /F1 12 Tf 72 700 Td {shown}ET" if lines else "/Im1 Do" if picture else "")
    writer = pypdf.PdfWriter(clone_from=BytesIO(pdf_of([stream.encode("latin-1") for stream in streams])))
    if title:
        writer.add_metadata({"/Title": title})
    if password:
        writer.encrypt(password, algorithm="RC4-128")  # the others need a package more
    buffer = BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def pdf_of(streams: Sequence[bytes]) -> bytes:
    """A PDF of these content streams, one a page, with an empty image /Im1 and Helvetica as /F1."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(streams)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(streams)}/Kids[{kids}]/MediaBox[0 0 612 792]>>".encode(),
        b"<</Type/XObject/Subtype/Image/Width 1/Height 1/BitsPerComponent 8/ColorSpace/DeviceGray/Length 1>>"
        b"stream\n0\nendstream",
    ]
    font = "<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>>>"
    for number, content in enumerate(streams):
        resources = f"<</Font{font}/XObject<</Im1 3 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R/Resources{resources}/Contents {5 + 2 * number} 0 R>>".encode())
        objects.append(stream(content))
    return pdf_objects(objects)


def stream(data: bytes) -> bytes:
    """A compressed stream object."""
    packed = zlib.compress(data)
    return b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed)


def pdf_objects(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1, the first of which is its root."""
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    tail = b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
    return out + tail % (size, table, size, len(out))


def _shape(kind: str, text: str) -> str:
    body = f"<p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody>"
    return f'<p:sp><p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>{body}</p:sp>'


def relations(entries: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}">{entries}</Relationships>'


_SECTOR, _SMALL = 512, 64
_END, _FREE, _FAT = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD


def compound(streams: Mapping[str, bytes]) -> bytes:
    """An OLE file of small streams, by their paths."""
    paths = sorted({path.rsplit("/", n)[0] for path in streams for n in range(path.count("/") + 1)})
    below: dict[str, list[int]] = {}
    for number, path in enumerate(paths, 1):
        below.setdefault(path.rpartition("/")[0], []).append(number)
    small, chain, starts = b"", list[int](), {}
    for path, data in streams.items():
        count = -(-len(data) // _SMALL)
        starts[path] = len(chain) if count else _END
        chain += [*range(len(chain) + 1, len(chain) + count), _END] if count else []
        small += data.ljust(count * _SMALL, b"\0")

    def entry(name: str, kind: int, first: int, size: int, right: int, child: int) -> bytes:
        wide = name.encode("utf-16-le") + b"\0\0"
        head = wide.ljust(64, b"\0") + struct.pack("<HBBIII", len(wide), kind, 1, _FREE, right, child)
        return (head + bytes(36) + struct.pack("<IQ", first, size)).ljust(128, b"\0")

    def first_below(path: str) -> int:
        return below.get(path, [_FREE])[0]

    sectors = [
        -(-max(len(part), 1) // _SECTOR) for part in (bytes(128 * (len(paths) + 1)), small, bytes(4 * len(chain)))
    ]
    begins = [1, 1 + sectors[0], 1 + sectors[0] + sectors[1]]
    folder = entry("Root Entry", 5, begins[1], len(small), _FREE, first_below(""))
    for number, path in enumerate(paths, 1):
        siblings = below[path.rpartition("/")[0]]
        right = siblings[siblings.index(number) + 1] if number != siblings[-1] else _FREE
        kind, size = (2, len(streams[path])) if path in streams else (1, 0)
        folder += entry(path.rpartition("/")[2], kind, starts.get(path, 0), size, right, first_below(path))
    parts = [folder, small, struct.pack(f"<{len(chain)}I", *chain)]
    table = [_FAT] + [
        n for first, count in zip(begins, sectors, strict=True) for n in [*range(first + 1, first + count), _END]
    ]
    fat = struct.pack(f"<{len(table)}I", *table).ljust(_SECTOR, b"\xff")
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(10)
    head += struct.pack("<IIIIIIII", 1, 1, 0, 4096, begins[2], sectors[2], _END, 0) + struct.pack("<I", 0)
    body = b"".join(part.ljust(count * _SECTOR, b"\0") for part, count in zip(parts, sectors, strict=True))
    return head.ljust(_SECTOR, b"\xff") + fat + body


def msg(
    fields: Mapping[str, bytes | str], attachments: Mapping[str, bytes] = {}, inner: Mapping[str, str] = {}
) -> bytes:
    """An Outlook mail: text by the number of its property, bytes by number and type."""
    streams: dict[str, bytes] = {"__properties_version1.0": bytes(32)}
    streams["__properties_version1.0"] += struct.pack("<HHIQ", 0x40, 0x0039, 6, 133_854_912_000_000_000)

    def put(at: str, tag: str, value: bytes | str) -> None:
        wide = isinstance(value, str)
        streams[f"{at}__substg1.0_{tag}" + "001F" * wide] = (
            value.encode("utf-16-le") if isinstance(value, str) else value
        )

    for tag, value in fields.items():
        put("", tag, value)
    for number, (name, data) in enumerate(attachments.items()):
        put(f"__attach_version1.0_#{number:08X}/", "3707", name)
        put(f"__attach_version1.0_#{number:08X}/", "37010102", data)
    if inner:
        at = "__attach_version1.0_#000000FF/__substg1.0_3701000D/"
        streams[f"{at}__properties_version1.0"] = bytes(24)
        for tag, value in inner.items():
            put(at, tag, value)
    return compound(streams)
