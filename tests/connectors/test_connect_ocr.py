"""Pages and pictures without text: what is said of them without OCR, and what OCR reads."""

import re
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from rag.errors import ConfigError, MissingExtra
from rag.types import Loaded
from rag_connectors import ocr
from rag_connectors.files import Files
from tests.connectors import samples
from tests.connectors.test_connect_pdf import pdf, written

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
