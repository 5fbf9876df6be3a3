"""Fonts that do not say which letters they show, with a map that does: copies of a file, one for each guess.

Which guess is right, the words of the text must show (`quality.py`). Known are glyph names that are numbers (`/g72`,
`/72`, `/G48`: the code of the letter, or its place in the usual order of glyphs), glyphs by number without a map,
encodings of Chinese, Japanese and Korean that PDFium has no map of, and those written downwards. Fonts of the viewer's
own that lack widths get its own, else PDFium takes doubled letters for one printed twice. What it does not do:
look at the shapes of letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, StreamObject

from rag_connectors.pdf.structure import CODECS, entries, lacks_widths, resolved

_NUMBERED = {  # by base
    10: re.compile(r"/[A-Za-z_.]{0,5}(\d+)"),
    16: re.compile(r"/[A-Za-z_.]{0,5}?([0-9A-Fa-f]{2}|[0-9A-Fa-f]{4})"),
}
_GUESSES = ((10, 0), (16, 0), (10, 29), (10, 31))  # base of the number; from glyph to letter in TrueType, in CFF
_DOWNWARDS = re.compile(r"/(?:.*-)?V")
_GLYPHS = range(1, 600)
_DEEPEST = 8


def guesses(reader: PdfReader, wanted: Sequence[int]) -> Iterator[bytes]:
    """The file with each guess of what the fonts of the wanted pages, from 0, show; none where every font says it."""
    if not any(map(_lacks_map, _fonts(reader.pages[n] for n in wanted))):
        return
    writer = PdfWriter(clone_from=reader)
    fonts = list(_fonts(writer.pages[n] for n in wanted))
    silent = [font for font in fonts if "/ToUnicode" not in font]
    for font in fonts:
        _mend(font)
    before: list[dict[bytes, str]] | None = None
    for base, offset in _GUESSES:
        letters = [_shown(font, resolved(font.get("/Encoding")), base, offset) for font in silent]
        if letters == before or (before is not None and not any(letters)):
            continue
        before = letters
        for font, shown in zip(silent, letters, strict=True):
            font.pop(NameObject("/ToUnicode"), None)
            if shown:
                font[NameObject("/ToUnicode")] = writer._add_object(_map(shown))
        copy = BytesIO()
        writer.write(copy)
        yield copy.getvalue()


def _fonts(pages: Iterable[DictionaryObject]) -> Iterator[DictionaryObject]:
    """The fonts of pages and of their forms, each once: what many pages share is one object."""
    seen: set[int] = set()
    stack = [(page, 0) for page in pages][::-1]
    while stack:
        shown, depth = stack.pop()
        for font in entries(shown.get("/Resources"), "/Font").values():
            if id(font) not in seen:
                seen.add(id(font))
                yield font
        for form in entries(shown.get("/Resources"), "/XObject").values() if depth < _DEEPEST else ():
            if id(form) not in seen:
                seen.add(id(form))
                stack.append((form, depth + 1))


def _lacks_map(font: DictionaryObject) -> bool:
    """Whether there is something to guess."""
    if lacks_widths(font):
        return True
    encoding = resolved(font.get("/Encoding"))
    downwards = isinstance(encoding, str) and bool(_DOWNWARDS.fullmatch(encoding))
    return downwards or ("/ToUnicode" not in font and any(_shown(font, encoding, *guess) for guess in _GUESSES))


def _mend(font: DictionaryObject) -> None:
    """Give the font its own widths if some are missing, and write it from left to right."""
    for name in ("/Widths", "/FirstChar", "/LastChar") if lacks_widths(font) else ():
        font.pop(NameObject(name), None)
    encoding = resolved(font.get("/Encoding"))
    if isinstance(encoding, str) and _DOWNWARDS.fullmatch(encoding):
        font[NameObject("/Encoding")] = NameObject(encoding[:-1] + "H")


def _shown(font: DictionaryObject, encoding: Any, base: int, offset: int) -> dict[bytes, str]:
    """What the codes of a font show, by this guess; {} where nothing can be guessed."""
    return (
        _cid_letters(font, encoding, offset) if font.get("/Subtype") == "/Type0" else _letters(encoding, base, offset)
    )


def _letters(encoding: Any, base: int, offset: int) -> dict[bytes, str]:
    """What the codes of a simple font show, if its glyphs have numbers for names."""
    found: dict[bytes, str] = {}
    code = 0
    differences = resolved(encoding.get("/Differences")) if isinstance(encoding, DictionaryObject) else None
    for item in differences if isinstance(differences, list) else ():
        if isinstance(item, NameObject):
            number = _NUMBERED[base].fullmatch(item)
            if number and 0 <= code < 256:
                letter = int(number[1], base) + offset
                if 32 <= letter < 0x530 or 0x2010 <= letter < 0x2200:
                    found[bytes([code])] = chr(letter)
            code += 1
        elif isinstance(item, int):
            code = int(item)
    return found


def _cid_letters(font: DictionaryObject, encoding: Any, offset: int) -> dict[bytes, str]:
    """What the codes of a font with many glyphs show."""
    name = encoding[1:].removesuffix("-H") if isinstance(encoding, str) else ""
    if name in CODECS:
        codec, high = CODECS[name]
        codes = (bytes([a, b]) for a in range(0x21, 0xFF) for b in range(0x21, 0xFF))
        shown = ((code, bytes(byte | high for byte in code).decode(codec, "ignore")) for code in codes)
        return {code: letter for code, letter in shown if len(letter) == 1}
    if name in ("Identity", "") and "Adobe-Identity" in _system(font):
        return {glyph.to_bytes(2, "big"): chr(glyph + offset) for glyph in _GLYPHS if glyph + offset >= 32}
    return {}


def _system(font: DictionaryObject) -> str:
    """The collection of a font's glyphs: "Adobe-Identity" is none."""
    below = resolved(font.get("/DescendantFonts"))
    one = resolved(below[0]) if isinstance(below, list) and below else None
    system = resolved(one.get("/CIDSystemInfo")) if isinstance(one, DictionaryObject) else None
    return f"{system.get('/Registry')}-{system.get('/Ordering')}" if isinstance(system, DictionaryObject) else ""


def _map(letters: dict[bytes, str]) -> StreamObject:
    """A font's map to letters as a PDF writes it."""
    size = len(next(iter(letters)))
    lines = [f"<{code.hex()}> <{letter.encode('utf-16-be').hex()}>" for code, letter in letters.items()]
    blocks = (lines[at : at + 100] for at in range(0, len(lines), 100))
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    stream = StreamObject()
    space = f"1 begincodespacerange\n<{'00' * size}> <{'ff' * size}>\nendcodespacerange"
    stream.set_data(f"begincmap\n{space}\n{body}\nendcmap".encode())
    return stream
