"""Small files of every type, built in memory."""

from __future__ import annotations

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
            parts[f"ppt/slides/_rels/{part.removeprefix('slides/')}.rels"] = _relations(
                f'<Relationship Id="n" Type="{_OFFICE}/notesSlide" Target="../notesSlides/notes.xml"/>'
            )
            shape = _shape("body", notes)
            parts["ppt/notesSlides/notes.xml"] = f'<p:notes xmlns:p="{_SLIDES}" xmlns:a="{_DRAWING}">{shape}</p:notes>'
    listing = f"<p:sldIdLst>{''.join(ids)}</p:sldIdLst>"
    parts["ppt/presentation.xml"] = f'<p:x xmlns:p="{_SLIDES}" xmlns:r="{_OFFICE}">{listing}</p:x>'
    parts["ppt/_rels/presentation.xml.rels"] = _relations("".join(targets))
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
        writer.encrypt(password, algorithm="AES-256")
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
    for number, stream in enumerate(streams):
        resources = f"<</Font{font}/XObject<</Im1 3 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R/Resources{resources}/Contents {5 + 2 * number} 0 R>>".encode())
        packed = zlib.compress(stream)
        objects.append(b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(packed), packed))
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


def _relations(entries: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}">{entries}</Relationships>'
