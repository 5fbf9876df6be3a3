"""Pages and pictures without text: what is said of them without OCR, and what OCR reads."""

import re
import zipfile
from base64 import b64encode
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from rag.errors import ConfigError, MissingExtra
from rag.text.letters import unpack_letters
from rag.types import Loaded
from rag_connectors import ocr
from rag_connectors.files import Files
from rag_connectors.outcome import outcome_of, sniff
from rag_connectors.parsed import ParseOptions, RefusalError
from tests.connectors import old_office, samples
from tests.connectors.test_connect_pdf import pdf, written

A = "http://schemas.openxmlformats.org/drawingml/2006/main"
LINES = ["The ferry leaves the old pier at noon,", "bicycles travel free of charge.", "Dogs need a ticket of 4 euros."]
WORDS = re.findall(r"\w+", " ".join(LINES))


def load(folder: Path, connector: Files) -> dict[str, Loaded]:
    return {item.source.name: item for item in connector.load(connector.scan([str(folder)], base=str(folder)))}


def picture() -> Image.Image:
    """The lines as a picture, two pixels a point."""
    sound = pdf([written([(60, 700 - 18 * n, line) for n, line in enumerate(LINES)], size=12)])
    shown: Image.Image = pypdfium2.PdfDocument(sound)[0].render(scale=2).to_pil().convert("L")
    return shown.crop((0, 100, 700, 320))


def test_without_the_extra_pictures_are_skipped_and_the_line_that_installs_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "a.pdf").write_bytes(samples.pdf([["text"], []], picture=True))
    with_extra = Files().fingerprint
    monkeypatch.setattr(ocr, "is_installed", lambda: False)
    loaded = load(tmp_path, Files(workers=1))
    assert loaded["a.png"].status == "skipped"
    assert (loaded["a.pdf"].status, loaded["a.pdf"].reason) == ("degraded", "no text layer on page 2 (scanned?)")
    with pytest.raises(MissingExtra, match=r'pip install "raghop\[ocr\]"'):
        load(tmp_path, Files(ocr="always"))
    assert Files().fingerprint == Files(ocr="never").fingerprint != with_extra


def test_a_network_for_another_script_must_be_there_and_counts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"ocr_model: cyrillic\.onnx: there is no such file"):
        load(tmp_path, Files(ocr_model="cyrillic.onnx"))
    if ocr.is_installed():
        assert Files(ocr_model="cyrillic.onnx").fingerprint != Files().fingerprint


def files_with_a_picture(text: str) -> dict[str, bytes]:
    """Files of which each shows a picture, one slide or page with `text` beside it."""
    data = BytesIO()
    picture().save(data, "PNG")
    png = data.getvalue()
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    blip = f'<a:blip xmlns:a="{A}" xmlns:r="{office}" r:embed="i"/>'
    relation = samples.relations(f'<Relationship Id="i" Type="{office}/image" Target="../media/i.png"/>')
    slides = samples.pptx([(text, text)])
    with zipfile.ZipFile(BytesIO(slides)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    slide = parts["ppt/slides/slide1.xml"].replace(b"</p:cSld>", f"<p:pic>{blip}</p:pic></p:cSld>".encode())
    parts |= {
        "ppt/slides/slide1.xml": slide,
        "ppt/media/i.png": png,
        "ppt/slides/_rels/slide1.xml.rels": relation.encode(),
    }
    page = f'<p>{text}</p><img src="data:image/png;base64,{b64encode(png).decode()}">'
    book = samples.epub([f'<p>{text}</p><img src="i.png"/>'])
    with zipfile.ZipFile(BytesIO(book)) as archive:
        pages = {name: archive.read(name) for name in archive.namelist()} | {"OPS/text/i.png": png}
    link = 'xmlns:xlink="http://www.w3.org/1999/xlink"'
    drawn = f'<text:p>{text}</text:p><draw:frame><draw:image {link} xlink:href="Pictures/i.png"/></draw:frame>'
    with zipfile.ZipFile(BytesIO(old_office.odf(drawn))) as archive:
        odt = {name: archive.read(name) for name in archive.namelist()} | {"Pictures/i.png": png}
    head = f'From: a@x.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\n{text}\n--b\n'
    head += "Content-Type: image/png; name=i.png\nContent-Transfer-Encoding: base64\n\n"
    mail = f"{head}{b64encode(png).decode()}\n--b--\n"
    run = f"<w:r><w:t>{text}</w:t></w:r><w:r><w:drawing>{blip}</w:drawing></w:r>"
    with zipfile.ZipFile(BytesIO(samples.docx(f"<w:p>{run}</w:p>"))) as archive:
        docx = {name: archive.read(name) for name in archive.namelist()}
    docx |= {"media/i.png": png, "word/_rels/document.xml.rels": relation.encode()}
    return {
        "s.pptx": samples.archive(parts), "w.docx": samples.archive(docx), "p.html": page.encode(),
        "b.epub": samples.archive(pages), "t.odt": samples.archive(odt), "m.eml": mail.encode(),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["", "A sound paragraph."])
def test_pictures_inside_files_are_counted_where_they_are_to_be_read(text: str) -> None:
    for name, data in files_with_a_picture(text).items():
        for how, wanted in (("always", 1), ("auto", int(not text)), ("never", 0)):
            try:
                scans = outcome_of(data, name, ParseOptions(ocr=how), sniff(data, name), "").scans
            except RefusalError as refusal:
                scans = refusal.scans
                assert not text and ("nothing but pictures" in refusal.reason) == (how == "never"), (
                    name,
                    refusal.reason,
                )
            assert scans == wanted, (name, how)


@pytest.mark.slow
@pytest.mark.skipif(not ocr.is_installed(), reason="needs the extra ocr")
def test_pictures_inside_files_are_read(tmp_path: Path) -> None:
    for name, data in files_with_a_picture("").items():
        (tmp_path / name).write_bytes(data)
    loaded = load(tmp_path, Files(workers=1, timeout=60))
    assert len(loaded) == 6
    for name, item in loaded.items():
        assert item.status == "ok" and "read by OCR" in item.reason, (name, item.reason)
        found = re.findall(r"\w+", "\n".join(document.text for document in item.documents))
        assert sum(word in found for word in WORDS) >= 0.95 * len(WORDS), name
        assert any(section.kind == "ocr" for document in item.documents for section in document.sections), name


@pytest.mark.slow
@pytest.mark.skipif(not ocr.is_installed(), reason="needs the extra ocr")
def test_a_network_is_read_from_its_file() -> None:
    own = next(Path(find_spec("rapidocr").origin).parent.glob("models/*_rec_*.onnx"))  # type: ignore[union-attr, arg-type]
    shown = np.ascontiguousarray(np.asarray(picture().convert("RGB"))[:, :, ::-1])
    found = " ".join(line.text for line in ocr.read(shown, model=str(own)).lines)
    assert sum(word in found for word in WORDS) >= 0.95 * len(WORDS)


@pytest.mark.slow
@pytest.mark.skipif(not ocr.is_installed(), reason="needs the extra ocr")
def test_a_scan_and_a_picture_are_read_and_say_so(tmp_path: Path) -> None:
    scan = BytesIO()
    picture().save(scan, "PDF", resolution=144)
    (tmp_path / "scan.pdf").write_bytes(scan.getvalue())
    picture().save(tmp_path / "note.png")
    loaded = load(tmp_path, Files(workers=1, timeout=60))
    for name, kinds in (("scan.pdf", ["ocr", "page"]), ("note.png", ["ocr"])):
        item = loaded[name]
        assert item.status == "ok" and "read by OCR" in item.reason, item.reason
        [document] = item.documents
        found = re.findall(r"\w+", document.text)
        assert sum(word in found for word in WORDS) >= 0.95 * len(WORDS)
        assert sorted(section.kind for section in document.sections) == kinds
        assert any(re.fullmatch(r"by OCR, \d\d% sure", section.label) for section in document.sections)
    [(page, packed)] = loaded["scan.pdf"].letters
    seen = "".join(letter for letter, _ in unpack_letters(packed))
    assert page == 1 and all(word in seen for word in WORDS if word in loaded["scan.pdf"].documents[0].text)
