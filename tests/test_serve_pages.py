"""Pages of PDFs: the picture is of the page, the boxes are over the quoted words; and the files of the web page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from shutil import copy
from typing import Any

import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageStat
from starlette.testclient import TestClient

from rag.pipeline import Pipeline
from rag.serve.app import make_app
from rag.serve.pages import is_scanned
from rag.serve.render import draw, find_boxes
from rag.serve.scanned import find_seen
from rag.serve.settings import ServerSettings
from rag.text.letters import pack_letters
from rag.types import Document, Section

EXAMPLES = Path(__file__).parent.parent / "examples" / "documents"
PDFS = ("contracts/shore-power-agreement.pdf", "fleet/capra-winch-manual.pdf", "network/lumen-k2-datasheet.pdf")
TINY = Path(__file__).parent / "tiny.yaml"
DRAWN = 4 / 72  # of an inch, by which a box may be wider than the letters in it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("pages")
    (base / "docs").mkdir()
    for name in (*PDFS, "fleet/grey-heron.md"):
        copy(EXAMPLES / name, base / "docs")
    pipeline = Pipeline.load(str(TINY), index=base)
    pipeline.ingest([base / "docs"])
    return base


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[TestClient]:
    with TestClient(make_app(ServerSettings(indexes={"docs": str(folder)})), base_url="http://127.0.0.1") as opened:
        yield opened


def documents(client: TestClient) -> dict[str, dict[str, Any]]:
    rows = client.get("/v1/documents").json()["documents"]
    return {Path(row["source"]).name: client.get(f"/v1/documents/{row['id']}").json() for row in rows}


def letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


@pytest.mark.parametrize("name", [Path(name).name for name in PDFS])
def test_the_text_below_the_boxes_is_the_quote(client: TestClient, folder: Path, name: str) -> None:
    document = documents(client)[name]
    text = client.get(f"/v1/documents/{document['id']}/text").text
    pdf = pypdfium2.PdfDocument(folder / "docs" / name)
    pages = [section for section in document["sections"] if section["kind"] == "page"]
    for section in (pages[0], pages[-1]):
        number = int(section["label"].split()[1])
        body = text[section["start"] : section["end"]]
        found = list(re.finditer(r"[A-Z][^.|\n]{25,}\n?[^.|]{5,60}\.", body))
        for match in (found[0], found[-1]) if found else ():
            place = {"start": section["start"] + match.start(), "end": section["start"] + match.end()}
            reply = client.get(f"/v1/documents/{document['id']}/pages/{number}/boxes", params=place).json()
            assert reply["boxes"], (name, match[0])
            page = pdf[number - 1].get_textpage()
            width, height = reply["width"], reply["height"]
            below = "".join(
                page.get_text_bounded(
                    x * width - 1, height - (y + h) * height, (x + w) * width + 1, height - y * height
                )
                for x, y, w, h in reply["boxes"]
            )
            assert letters(below) == letters(match[0]), (name, match[0], below)


def test_the_boxes_of_a_turned_page_are_over_the_same_words() -> None:
    quote = "The agreement runs for ten years from 1 April 2024"
    crops = []
    for turn in (0, 90):
        page = pypdfium2.PdfDocument(EXAMPLES / PDFS[0])[4]
        page.set_rotation(turn)
        picture = Image.open(BytesIO(draw(page, 2))).convert("L")
        ((x, y, w, h),) = find_boxes(page, quote, 0)
        across, down = picture.size
        crop = picture.crop((round(x * across), round(y * down), round((x + w) * across), round((y + h) * down)))
        crops.append(crop.rotate(turn, expand=True).resize((300, 12)))
    assert ImageStat.Stat(crops[0]).stddev[0] > 20  # there is ink
    first, turned = crops
    alike, unlike = (ImageStat.Stat(ImageChops.difference(first, one)).mean[0] for one in (turned, turned.rotate(180)))
    assert alike < unlike / 2


def test_a_page_is_a_picture_of_its_size_and_there_are_no_others(client: TestClient) -> None:
    document = documents(client)["shore-power-agreement.pdf"]
    path = f"/v1/documents/{document['id']}/pages"
    reply = client.get(f"{path}/5.png", params={"scale": 1})
    assert reply.headers["content-type"] == "image/png"
    picture = Image.open(BytesIO(reply.content))
    assert picture.size == (596, 842) and len(picture.convert("L").getcolors() or ()) > 2  # not an empty page
    assert client.get(f"{path}/99.png").status_code == 404
    assert client.get(f"{path}/1.png", params={"scale": 100}).status_code == 400
    assert client.get(f"{path}/1/boxes", params={"start": -1, "end": 3}).status_code == 400


def test_what_does_not_stand_on_a_page_has_no_box(client: TestClient) -> None:
    document = documents(client)["shore-power-agreement.pdf"]
    start = document["sections"][0]["start"]
    reply = client.get(f"/v1/documents/{document['id']}/pages/5/boxes", params={"start": start, "end": start + 90})
    assert reply.json()["boxes"] == []


def test_only_a_pdf_that_is_as_it_was_indexed_is_drawn(client: TestClient, folder: Path) -> None:
    found = documents(client)
    assert client.get(f"/v1/documents/{found['grey-heron.md']['id']}/pages/1.png").status_code == 415
    path = folder / "docs" / "lumen-k2-datasheet.pdf"
    before = path.read_bytes()
    try:
        path.write_bytes(before + b"\n")
        reply = client.get(f"/v1/documents/{found['lumen-k2-datasheet.pdf']['id']}/pages/1.png")
        assert reply.status_code == 409 and "changed" in reply.json()["error"]["message"]
    finally:
        path.write_bytes(before)


def test_a_span_is_marked_in_the_view_of_a_document(client: TestClient) -> None:
    document = documents(client)["grey-heron.md"]
    text = client.get(f"/v1/documents/{document['id']}/text").text
    start = text.index("She was built")
    reply = client.get(f"/v1/documents/{document['id']}/view", params={"start": start, "end": start + 13}).json()
    assert reply["kind"] == "markdown" and "'mark', 'children': ['She was built']" in str(reply["elements"])


def test_doors_of_explanation_say_what_the_library_says(client: TestClient) -> None:
    asked = {"question": "Who built the Grey Heron?", "source": "*winch*", "k": 1}
    data = client.post("/v1/explain", json=asked).json()
    assert data["passage"]["source"].endswith("capra-winch-manual.pdf") and data["lost_at"]
    tree = client.post("/v1/tree", json={"query": asked["question"], "k": 2}).json()
    assert [node["place"] for node in tree["nodes"] if node["place"]] == [1, 2]
    assert client.post("/v1/explain", json={"question": "x", "source": "none"}).status_code == 400


def test_the_files_of_the_page_come_with_a_policy_and_nothing_else_does(client: TestClient) -> None:
    reply = client.get("/")
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    names = re.findall(r'"/page/([\w.]+)"', reply.text)
    assert {"app.js", "style.css"} <= set(names)
    for name in names:
        assert client.get(f"/page/{name}").headers["content-security-policy"] == policy
    for name in ("..%2Fapp.py", "../app.py", "%2e%2e/app.py", "nothing.js", "."):
        assert client.get(f"/page/{name}").status_code == 404


def test_the_page_names_no_other_host_and_parses_no_markup() -> None:
    for path in (Path(__file__).parent.parent / "rag" / "serve" / "page").iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://(?!\))\w|innerHTML|outerHTML|insertAdjacentHTML|eval\(|\bstyle=", text), path


@pytest.mark.slow
@pytest.mark.skipif(find_spec("rapidocr") is None, reason="needs the extra ocr")
def test_the_boxes_of_a_scan_are_where_the_words_are_in_its_picture() -> None:
    page, picture = pypdfium2.PdfDocument(EXAMPLES / PDFS[0])[4], BytesIO()
    page.render(scale=2).to_pil().convert("L").save(picture, "PDF", resolution=144)
    quote = "The agreement runs for ten years from 1 April 2024"
    words = ["1", "1", "scan"]  # as the server asks, with its limits
    done = subprocess.run(
        [sys.executable, "-m", "rag.serve.render", *words], input=picture.getvalue(), capture_output=True, check=True
    )
    (own,), (seen,) = find_boxes(page, quote, 0), find_seen(json.loads(done.stdout)["seen"], quote, 0)
    width, height = page.get_size()
    for a, b in zip(own, seen, strict=True):
        assert abs(a - b) * max(width, height) < 3  # points


def test_a_scanned_page_is_read_once_for_all_its_quotes(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    document = documents(client)["shore-power-agreement.pdf"]
    text = client.get(f"/v1/documents/{document['id']}/text").text
    boxed = [(letter, (0.001 * n, 0.1, 0.001 * n + 0.001, 0.12)) for n, letter in enumerate(letters(text)[:400])]
    seen = [[letter, list(box)] for letter, box in boxed]
    asked = []

    async def draw_nothing(pictures: object, data: bytes, digest: str, *words: str) -> bytes:
        asked.append(words)
        return json.dumps({"width": 1, "height": 1, "pages": 1, "seen": seen}).encode()

    monkeypatch.setattr("rag.serve.pages.render", draw_nothing)
    monkeypatch.setattr("rag.serve.pages.is_scanned", lambda document, number: True)
    start = next(section["start"] for section in document["sections"] if section["label"] == "page 1")
    for end in (30, 60):
        place = {"start": start + end - 20, "end": start + end}
        reply = client.get(f"/v1/documents/{document['id']}/pages/1/boxes", params=place).json()
        assert reply["boxes"] and "seen" not in reply
    assert asked == [("1", "1", "scan")] * 2
    packed = pack_letters(boxed)
    monkeypatch.setattr("rag.index.manifest.Manifest.letters", lambda manifest, sha256, page: packed)
    again = client.get(f"/v1/documents/{document['id']}/pages/1/boxes", params=place).json()
    assert again["boxes"][0] == pytest.approx(reply["boxes"][0], abs=1e-4)
    assert len(asked) == 3 and "scan" not in asked[2]  # what the index has stored is not read again


def test_a_quote_in_a_picture_has_a_box_for_each_line() -> None:
    seen = [(letter, (0.1 + 0.02 * n, 0.1, 0.12 + 0.02 * n, 0.12)) for n, letter in enumerate("ferryatnoon")]
    seen += [(letter, (0.1 + 0.02 * n, 0.2, 0.12 + 0.02 * n, 0.22)) for n, letter in enumerate("onfriday")]
    assert find_seen(seen, "At noon, on Fri-", 0) == [[0.2, 0.1, 0.12, 0.02], [0.1, 0.2, 0.1, 0.02]]
    assert find_seen(seen, "the old pier", 0) == find_seen([], "noon", 0) == []


def test_a_page_that_was_read_by_ocr_is_known() -> None:
    sections = (Section(0, 4, "page", "page 1"), Section(4, 9, "page", "page 2"), Section(4, 9, "ocr", "by OCR"))
    document = Document("d", "a.pdf", "one\nscan\n", sections=sections)
    assert [is_scanned(document, number) for number in (1, 2, 3)] == [False, True, False]
