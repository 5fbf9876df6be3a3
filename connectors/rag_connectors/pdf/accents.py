"""Letters that a file shows by one of two old encodings and names by the other: "Pr¸fung" is "Prüfung", "WŠrme" Wärme.

Only signs and capitals that no word has in its middle tell it; a word that is read otherwise has letters alone.
"""

from __future__ import annotations

import re

_WORD = re.compile(r"\S+")
_CAPITAL = re.compile("[ŠŽŸ](?<=[A-Za-z].)(?=[a-z])")
_CONFUSED = (  # what tells it inside words, what else is confused, the encoding it was named by, the one that shows it
    (
        re.compile("[‰ÈËÍÎÏÌÓÔÒÚÛÙÁÂÊ](?<=[A-Za-z].)(?=[a-z])"),
        re.compile("(?<=[A-Za-z])[‰ÈËÍÎÏÌÓÔÒÚÛÙÁÂÊˆ¸˜¯˘˙˚˝˛ˇ](?=[a-zﬂ])"),  # accents alone are how TeX writes letters
        "mac_roman",
        "cp1252",
    ),
    (_CAPITAL, _CAPITAL, "cp1252", "mac_roman"),
)
_SHARP = re.compile("(?<=[aeiouäöü])ﬂ")  # "ß", named as a ligature


def mend_accents(text: str) -> str:
    """The text with such words as they are shown."""
    for tells, inside, named, shown in _CONFUSED:
        if text.isascii() or not tells.search(text):
            continue

        def read(word: re.Match[str], inside: re.Pattern[str] = inside, named: str = named, shown: str = shown) -> str:
            if not inside.search(word[0]):
                return word[0]
            letters = "".join(char if char.isascii() else _read(char, named, shown) for char in word[0])
            return word[0] if "\ufffd" in letters or inside.search(letters) else letters

        text = _WORD.sub(read, text)
        text = _SHARP.sub("ß", text) if named == "mac_roman" else text
    return text


def _read(char: str, named: str, shown: str) -> str:
    try:
        return char.encode(named).decode(shown)
    except UnicodeError:
        return "\ufffd"
