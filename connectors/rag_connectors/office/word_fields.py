"""What fields of Word show that no result is stored of: signs, fractions, text with its reading above, prompts."""

from __future__ import annotations

import re

from rag_connectors.office.symbols import symbol

_READING = re.compile(r"\\o\s*(?:\\a[a-z]\s*)?\(\s*\\s\s*\\up\s*\d*\s*\(([^()]*)\)\s*[,;]([^()]*)\)")
_FRACTION = re.compile(r"\\f\s*\(([^(),;]*)[,;]([^(),;]*)\)")
_ROOT = re.compile(r"\\r\s*\(\s*[,;]?([^(),;]*)\)")
_SIMPLE = re.compile(r"\\[a-z]+\s*\d*\s*\(([^()]*)\)")  # anything else with its arguments
_SWITCH = re.compile(r'\\\*?\s*(?:"[^"]*"|[a-z]+\d*)', re.IGNORECASE)
_SIGN = re.compile(r"\s*SYMBOL\s+(0x[0-9a-f]{1,5}|\d{1,6})(.*)", re.IGNORECASE | re.DOTALL)
_FONT = re.compile(r'\\f\s*(?:"([^"]*)"|(\S+))')
_SAID = re.compile(r"\s*(?:MACROBUTTON|GOTOBUTTON)\s+\S+\s+(.*)|\s*QUOTE\s+\"(.*?)\"", re.IGNORECASE | re.DOTALL)


def field_text(code: str) -> str:
    """What a field shows by its code alone, "" where that says nothing: its result is all that is read of others."""
    if sign := _SIGN.match(code):
        number = int(sign[1], 0)
        font = _FONT.search(sign[2])
        if re.search(r"\\u\b", sign[2]):
            return chr(number)
        return symbol(font[1] or font[2], number) if font else bytes([number & 255]).decode("cp1252", "replace")
    if said := _SAID.match(code):
        return (said[1] or said[2] or "").strip()
    return _equation(code.strip()[2:]) if re.match(r"\s*EQ\s", code, re.IGNORECASE) else ""


def _equation(code: str) -> str:
    """An old equation, from the innermost part outwards."""
    code = re.sub(r'\\\*\s*(?:"[^"]*"|\S+)', "", code)
    before = ""
    while code != before:
        before = code
        code = _READING.sub(r"\2(\1)", code)
        code = _ROOT.sub(r"√\1", _FRACTION.sub(r"\1/\2", code))
        if code == before:
            code = _SIMPLE.sub(lambda found: " ".join(re.split("[,;]", found[1])), code, count=1)
    return " ".join(_SWITCH.sub("", code).split())
