"""Which encoding bytes are in that are no Unicode: the one a file names, as browsers read the name, else a guess.

chardet compares the bytes with how languages look in each encoding. What it finds likely is then read: words that mix
alphabets or hold symbols, and capitals in the middle of words, say that an encoding is not the right one.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

_WEB = {  # the encodings that browsers take instead, which hold more characters: encoding.spec.whatwg.org
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs",
    "utf-16": "utf-8", "utf-16-le": "utf-8", "utf-16-be": "utf-8", "utf-32": "utf-8",
}  # fmt: skip
_LABELS = {  # that Python does not know
    "x-sjis": "cp932", "x-gbk": "gb18030", "x-cp1250": "cp1250", "x-cp1251": "cp1251", "x-cp1252": "cp1252",
    "x-mac-roman": "mac_roman", "x-mac-cyrillic": "mac_cyrillic", "x-mac-ce": "mac_latin2", "dos-874": "cp874",
    "windows-874": "cp874", "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "x-euc-jp": "euc_jp",
    "x-big5": "big5hkscs", "x-windows-949": "cp949", "cp-850": "cp850", "ansi": "cp1252", "x-unknown": "",
    "unicode-1-1-utf-8": "utf-8", "unicode-1-1-utf-7": "utf-7", "x-user-defined": "",
}  # fmt: skip
_NOT_TEXT = frozenset(["base64", "hex", "bz2", "zlib", "uu", "quopri", "rot13", "idna", "punycode", "undefined"])
_SEVEN_BITS = frozenset(["iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2", "iso2022_kr", "hz", "utf-7"])
_JAPANESE = re.compile(rb"\x1b(?:\$[@B]|\$\(D|\([IJ])")
_KOREAN = b"\x1b$)C"
_SHIFT = re.compile(rb"\x1b(\$[@B]|\([BJI])")

_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->|<(script|style)\b.*?</\1", re.IGNORECASE | re.DOTALL)
_META = re.compile(rb"<meta\b[^>]{0,500}", re.IGNORECASE)
_CHARSET = re.compile(rb"(?:^|[\s\"';])charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.IGNORECASE)
_NO_TYPE = re.compile(rb"\bname\s*=|\bproperty\s*=", re.IGNORECASE)

_SAMPLE = 1 << 14  # bytes of lines that are not ASCII
_HIGH = re.compile(rb"[\x80-\xff]")
_CANDIDATES = 8  # of chardet's list
_RARE = 0.3  # what their likelihood is worth, beside that of encodings which are in use
_WESTERN = 1.5  # as much more a text in letters of a western language is worth; of one or two such letters
_FEW = 4.0
_COMMON = frozenset(
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 cp932 cp949 big5hkscs gb18030 euc_jp "
    "euc_jis_2004 koi8-r koi8-u iso8859-2 iso8859-7 iso8859-15 mac-roman mac-cyrillic cp850 cp866".split()
)
_ALPHABETS = tuple(
    frozenset(letters + letters.upper())
    for letters in ("äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúüñ", "àèéìíîòóùú", "àáâãçéêíóôõú", "éèëïíóöüá", "åäöéü", "æøåéöü")
)
_SYMBOLS = frozenset("€‚„…‘’“”•–—™§°±²³µ·¼½¾«»©®¿¡£¢¥×¶÷¹\xa0†‡‰‹›")
_WORD = re.compile("[^\\W\\d_]+(?:[^\\w\\s\x00-\x7f’\xad·‑–—]+[^\\W\\d_]+)*")
_IMPOSSIBLE = re.compile(  # characters of none, boxes drawn beside letters, letters drawn as if they were lines
    "[\x7f-\x9f\ue000-\uf8ff]|[^\\W\\d_][\u2500-\u259f]|[\u2500-\u259f][^\\W\\d_]|([^\\W\\d_a-zA-Z])\\1{3}"
)


def known(label: str) -> str:
    """Python's name of the encoding that a label means, as browsers understand it; "" where it means none."""
    label = label.strip().strip("\"'").lower()
    try:
        name = codecs.lookup(_LABELS.get(label, label)).name
    except (LookupError, ValueError):
        return ""
    return "" if name.partition("_")[0] in _NOT_TEXT else _WEB.get(name, name)


def named_in(markup: bytes) -> str:
    """The encoding that HTML or XML names itself, wherever in it; "" for none."""
    if declaration := _DECLARATION.match(markup):
        return declaration[1].decode()
    for meta in _META.findall(_COMMENT.sub(b"", markup)):
        if (charset := _CHARSET.search(meta)) and not _NO_TYPE.search(meta) and known(charset[1].decode()):
            return charset[1].decode()
    return ""


def seven_bits(data: bytes, declared: str) -> str:
    """The text of bytes that are all ASCII and stand for other characters; "" where they mean what they are."""
    encoding = known(declared)
    if encoding not in _SEVEN_BITS:
        encoding = "iso2022_kr" if _KOREAN in data else "iso2022_jp_ext" if _JAPANESE.search(data) else ""
    if not encoding:
        return ""
    try:
        return data.decode("iso2022_jp_ext" if encoding == "iso2022_jp" else encoding)
    except UnicodeError:
        return _shifted(data) if encoding.startswith("iso2022_jp") else ""


def _shifted(data: bytes) -> str:
    """ISO-2022-JP with characters that its standard lacks and mail has."""
    parts = _SHIFT.split(data)
    text = parts[0].decode("ascii", "replace")
    for shift, part in zip(parts[1::2], parts[2::2], strict=True):
        if shift.startswith(b"$"):
            text += bytes(byte | 0x80 for byte in part if byte > 0x20).decode("euc_jis_2004", "replace")
        elif shift == b"(I":
            text += bytes(byte | 0x80 for byte in part).decode("cp932", "replace")
        else:
            text += part.decode("ascii", "replace")
    return text


def guesses(data: bytes) -> Iterator[str]:
    """The encodings that bytes may be in which are neither ASCII nor UTF-8, likeliest first."""
    sample = b""
    for line in data.splitlines(keepends=True) if len(data) > _SAMPLE else [data]:
        if _HIGH.search(line):
            sample += line[: _SAMPLE - len(sample)]
        if len(sample) == _SAMPLE:
            break
    western = sample.decode("cp1252", "replace")
    high = [char for char in western if char > "\x7f"]
    if _SYMBOLS.issuperset(high):
        yield "cp1252"
    scores = _likely(sample)
    scores.setdefault("cp1252", min(scores.values(), default=0.0))
    letters = [char for char in high if char.isalpha()]
    if any(alphabet.issuperset(letters) for alphabet in _ALPHABETS):
        scores["cp1252"] *= _FEW if len(letters) <= 2 else _WESTERN
    faults = {encoding: _faults(sample.decode(encoding, "replace")) for encoding in scores}
    yield from sorted(scores, key=lambda encoding: (faults[encoding], -scores[encoding]))


def _likely(sample: bytes) -> dict[str, float]:
    import chardet  # here: only files that are not UTF-8 pay for it

    eras = chardet.EncodingEra
    era = eras.MODERN_WEB | eras.LEGACY_ISO | eras.LEGACY_MAC | eras.DOS
    found = chardet.detect_all(sample, encoding_era=era, ignore_threshold=True, compat_names=False)
    scores: dict[str, float] = {}
    for one in found[:_CANDIDATES]:
        if one["encoding"] and known(one["encoding"]):
            name = one["encoding"]
            scores.setdefault(name, one["confidence"] * (1 if name in _COMMON else _RARE))
    return scores


def _faults(text: str) -> int:
    """How many things are in a text that no text in any language has."""
    count = text.count("\ufffd") * 2 + len(_IMPOSSIBLE.findall(text))
    for match in _WORD.finditer(text):
        word = match[0]
        if word.isascii():
            continue
        letters = [char for char in word if char.isalpha()]
        scripts = {_script(char) for char in letters}
        count += len(letters) < sum(unicodedata.category(char) != "Mn" for char in word)
        count += "LATIN" in scripts and len(scripts) > 1
        pairs = pairwise(word)
        count += sum(a.islower() and b.isupper() and not (a + b).isascii() for a, b in pairs)
        inner = any(char.islower() for char in word[2:])
        count += len(word) > 2 and word[:2].isupper() and inner and not word[:2].isascii()
    return count


@lru_cache(4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]
