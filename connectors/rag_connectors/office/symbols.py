"""Letters of the fonts Symbol and Wingdings, which stand for signs: `a` in Symbol is α, U+F0FC in Wingdings is ✓."""

from __future__ import annotations

UNKNOWN = "\ufffd"
_GREEK = "αβχδεφγηιϕκλμνοπθρστυϖωξψζ"
_CAPITALS = "ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ"
_SYMBOL = {
    **{ord("A") + i: char for i, char in enumerate(_CAPITALS)},
    **{ord("a") + i: char for i, char in enumerate(_GREEK)},
    **{code: chr(code) for code in (*range(0x20, 0x40), *map(ord, "[]_{|}"))},
    **{ord(old): new for old, new in zip("\"$'*-@\\^`~", "∀∃∋∗−≅∴⊥‾∼", strict=True)},
    **{
        0xA0 + i: char
        for i, char in enumerate("€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪")
    },
    **{0xF1 + i: char for i, char in enumerate("〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭")},
}
_WINGDINGS = {
    **{0x80 + i: chr(0x24EA if not i else 0x245F + i) for i in range(11)},  # circled numbers, white
    **{0x8B + i: chr(0x24FF if not i else 0x2775 + i) for i in range(11)},  # and black
    **{
        ord(old): new
        for old, new in {
            " ": " ", "!": "✏", '"': "✂", "#": "✁", "(": "☎", ")": "✆", "*": "✉", "6": "⌛", "A": "✌", "B": "👌",
            "C": "👍", "D": "👎", "E": "☜", "F": "☞", "G": "☝", "H": "☟", "J": "☺", "K": "😐", "L": "☹", "M": "💣",
            "N": "☠", "Q": "✈", "R": "☼", "S": "💧", "T": "❄", "X": "✠", "Y": "✡", "Z": "☪", "[": "☯", "l": "●",
            "m": "❍", "n": "■", "o": "□", "p": "◻", "q": "❑", "r": "❒", "s": "⬧", "t": "⧫", "u": "◆", "v": "❖",
            "w": "⬥", "x": "⌧", "y": "⍓", "z": "⌘", "{": "❀", "|": "✿", "}": "❝", "~": "❞",
        }.items()
    },
    0x9E: "·", 0x9F: "•", 0xA1: "○", 0xA4: "◉", 0xA5: "◎", 0xA7: "▪", 0xA8: "◻", 0xAA: "✦", 0xAB: "★", 0xAC: "✶",
    0xD5: "⌫", 0xD8: "➢", 0xDC: "➲", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓", 0xE3: "↖", 0xE4: "↗", 0xE5: "↙",
    0xE6: "↘", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧", 0xF2: "⇩", 0xF3: "⬄", 0xF4: "⇳", 0xFB: "✗", 0xFC: "✓",
    0xFD: "☒", 0xFE: "☑",
}  # fmt: skip
_WINGDINGS_2 = {0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "□", 0x97: "●", 0x9A: "○"}
_WINGDINGS_3 = {0x66: "←", 0x67: "→", 0x68: "↑", 0x69: "↓", 0x7D: "▶", 0x84: "▼", 0x81: "▲", 0x70: "▲", 0x71: "▼"}
_WEBDINGS = {0x61: "✓", 0x72: "✗", 0x63: "□", 0x67: "■", 0x34: "▶", 0x33: "◀", 0x35: "▲", 0x36: "▼", 0x48: "🏠"}
_FONTS = {
    "symbol": _SYMBOL,
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
    "wingdings 3": _WINGDINGS_3,
    "webdings": _WEBDINGS,
}


def is_symbolic(font: str) -> bool:
    """Whether the letters of this font are signs."""
    return font.lower() in _FONTS


def symbol(font: str, code: int) -> str:
    """The character that a font shows for a code (0x61 or its private twin 0xF061); U+FFFD where nobody knows."""
    private = 0xF000 <= code <= 0xF0FF
    table = _FONTS.get(font.lower())
    if table is None:
        return UNKNOWN if private else chr(code)
    return table.get(code - 0xF000 if private else code, UNKNOWN)


def translate(font: str, text: str) -> str:
    """A text of a symbol font as what it shows; of another font, as it is."""
    table = _FONTS.get(font.lower())
    if table is not None:
        return "".join(char if char.isspace() else symbol(font, ord(char)) for char in text)
    if any("\uf020" <= char <= "\uf0ff" for char in text):  # the font is named by a style, or not at all
        return "".join(
            _SYMBOL.get(ord(char) - 0xF000, UNKNOWN) if "\uf020" <= char <= "\uf0ff" else char for char in text
        )
    return text


def translate_signs(font: str, text: str) -> str:
    """A text whose signs alone are in a symbol font: private characters, and one that stands by itself."""
    if len(text.strip()) == 1:
        return translate(font, text)
    return "".join(translate(font, char) if "\uf020" <= char <= "\uf0ff" else char for char in text)
