"""Numbers as a spreadsheet shows them: `0.00%`, `#,##0.00 "€"`, `00000`, `[h]:mm`, dates in ISO form.

A date with day, month and year is written as ISO 8601 has it, whatever its format; one without a day as it is shown.
What it does not do: the separators of a locale (numbers have a point, and commas between thousands) and colours.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "$#,##0", 6: "$#,##0", 7: "$#,##0.00", 8: "$#,##0.00", 9: "0%",
    10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??", 14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm",
    17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm",
    27: "yyyy-mm-dd", 28: "yyyy-mm-dd", 29: "yyyy-mm-dd", 30: "yyyy-mm-dd", 31: "yyyy-mm-dd", 32: "h:mm", 33: "h:mm:ss",
    34: "h:mm", 35: "h:mm:ss", 36: "yyyy-mm-dd", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)", 41: "#,##0", 42: "$#,##0", 43: "#,##0.00", 44: "$#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@", 50: "yyyy-mm-dd", 57: "yyyy-mm-dd", 58: "yyyy-mm-dd",
}  # fmt: skip
_TOKEN = re.compile(
    r'"(?P<text>[^"]*)"?|\\(?P<one>.)|_(?P<gap>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]|(?P<ampm>AM/PM|A/P|上午/下午)'
    r"|(?P<general>General)|(?P<exponent>E[+-])|(?P<date>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+(?:\.0+)?|[bBeEgG]+)"
    r"|(?P<digit>[0#?][0#?,]*(?:\.[0#?]*,*)?|\.[0#?]+,*)|(?P<char>.)",
    re.DOTALL,
)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
_CURRENCY = re.compile(r"\$([^-\]]*)(?:-[0-9A-Fa-f]+)?")
_ELAPSED = re.compile("[hms]+", re.IGNORECASE)
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_LAST_DAY = 2_958_466  # of the year 9999

Token = tuple[str, str]


def show_number(stored: str, shape: str, *, date1904: bool = False) -> str:
    """A stored number in this format; as it is stored where it is none."""
    try:
        number = Decimal(stored.strip())
    except InvalidOperation:
        return stored
    if not number.is_finite() or abs(number.adjusted()) > 400:
        return stored
    try:
        return _show(number, shape, date1904).strip()
    except (ValueError, OverflowError, ArithmeticError):
        return general(number)


def general(number: Decimal) -> str:
    """Without a format: whole numbers with every digit, others with 15 of them."""
    if number.adjusted() < 22 and (number == number.to_integral_value() or number.adjusted() >= 15):
        return f"{number.to_integral_value():f}"
    return f"{float(number):.15g}"


def _show(number: Decimal, shape: str, date1904: bool) -> str:
    sections = _sections(shape)
    if not sections:
        return general(number)
    section, signed = _choose(sections, number)
    tokens = section
    if any(kind in ("date", "ampm", "elapsed") for kind, _ in tokens):
        return _date(number, tokens, date1904) if number >= 0 else general(number)
    if not any(kind in ("digit", "general", "at") for kind, _ in tokens):
        said = "".join(value for kind, value in tokens if kind == "text").strip()
        return said or ("" if not tokens else general(number))
    return _number(number if signed else abs(number), tokens)


def _choose(sections: tuple[tuple[Token, ...], ...], number: Decimal) -> tuple[tuple[Token, ...], bool]:
    """The section for a number, and whether its sign is still to be written."""
    conditions = [next((value for kind, value in section if kind == "condition"), "") for section in sections]
    if any(conditions):
        for section, condition in zip(sections, conditions, strict=True):
            if not condition or _holds(number, condition):
                return section, True
        return sections[-1], True
    numeric = sections[:3]
    if number < 0 and len(numeric) > 1:
        return numeric[1], False
    if number == 0 and len(numeric) > 2:
        return numeric[2], True
    return numeric[0], True


def _holds(number: Decimal, condition: str) -> bool:
    match = _CONDITION.fullmatch(condition)
    if not match:
        return False
    sign, other = match[1], Decimal(match[2])
    return {"<": number < other, ">": number > other, "=": number == other, "<=": number <= other,
            ">=": number >= other, "<>": number != other}[sign]  # fmt: skip


@lru_cache(maxsize=512)
def _sections(shape: str) -> tuple[tuple[Token, ...], ...]:
    """A format's sections as tokens; () for General."""
    if not shape or shape.lower() in ("general", "@", "standard"):
        return ()
    sections: list[list[Token]] = [[]]
    for match in _TOKEN.finditer(shape[:1000]):
        kind, value = match.lastgroup or "", match[match.lastgroup or 0] or ""
        if kind == "char" and value == ";":
            sections.append([])
        elif kind == "bracket":
            if currency := _CURRENCY.fullmatch(value):
                sections[-1].append(("text", currency[1]))
            elif _CONDITION.fullmatch(value):
                sections[-1].append(("condition", value))
            elif _ELAPSED.fullmatch(value):
                sections[-1].append(("elapsed", value.lower()))
        elif kind in ("text", "one", "char"):
            sections[-1].append(
                (
                    "percent"
                    if kind == "char" and value == "%"
                    else "at"
                    if (kind, value) == ("char", "@")
                    else "text",
                    value,
                )
            )
        elif kind == "gap":
            sections[-1].append(("text", " "))
        elif kind not in ("fill", ""):
            sections[-1].append((kind, value))
    return tuple(map(tuple, sections))


def _number(number: Decimal, tokens: tuple[Token, ...]) -> str:
    digits = [value for kind, value in tokens if kind == "digit"]
    if any(kind in ("general", "at") for kind, _ in tokens) or not digits:
        said = general(number)
        return "".join(said if kind in ("general", "at") else value for kind, value in tokens if kind != "condition")
    number *= Decimal(100) ** sum(kind == "percent" for kind, _ in tokens)
    if any(value == "/" for kind, value in tokens if kind == "text"):
        return _fraction(number, digits)
    if any(kind == "exponent" for kind, _ in tokens):
        return _exponent(number, digits[0])
    whole = "".join(digits).rstrip(",")
    thousands = len("".join(digits)) - len(whole)
    integer, point, places = whole.partition(".")
    if point and len(digits) > 1 and "." not in digits[-1]:
        places = whole.partition(".")[2]
    if len(digits) > 1 and "," not in whole and "." not in whole:  # 000-00-0000: digits fall into places
        return _pattern(number, tokens)
    grouped = "," in integer
    number = number / Decimal(1000) ** thousands
    text = _fixed(abs(number), len(places), places.rstrip("#?"), integer.replace(",", "").count("0"), grouped)
    sign = "-" if number < 0 and any(char in "123456789" for char in text) else ""
    out: list[str] = []
    written = False
    for kind, value in tokens:
        if kind == "digit":
            out.append("" if written else text)
            written = True
        elif kind in ("text", "percent"):
            out.append(value)
    return sign + "".join(out).strip()


def _fixed(number: Decimal, places: int, least: str, zeros: int, grouped: bool) -> str:
    """A number with so many decimal places (those of `least` are always written) and leading zeros."""
    rounded = number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP) if number.adjusted() < 26 else number
    text = f"{rounded:,f}" if grouped else f"{rounded:f}"
    whole, point, decimals = text.partition(".")
    while len(decimals) > len(least) and decimals.endswith("0"):
        decimals = decimals[:-1]
    if len(whole.replace(",", "")) < zeros:
        whole = whole.rjust(zeros, "0")
    if not zeros and whole == "0" and decimals:
        whole = "0"
    return whole + (point + decimals if decimals else "")


def _pattern(number: Decimal, tokens: tuple[Token, ...]) -> str:
    """Digits in the places of a pattern, from the right: phone numbers, codes."""
    rest = str(int(abs(number).quantize(Decimal(1), rounding=ROUND_HALF_UP)))
    out: list[str] = []
    first = next(i for i, (kind, _) in enumerate(tokens) if kind == "digit")
    for i in range(len(tokens) - 1, -1, -1):
        kind, value = tokens[i]
        if kind == "digit":
            take = len(rest) if i == first else min(len(rest), len(value))
            own, rest = rest[len(rest) - take :], rest[: len(rest) - take]
            out.append(own.rjust(value.count("0"), "0") if len(own) < len(value) else own)
        elif kind == "text":
            out.append(value)
    return ("-" if number < 0 else "") + "".join(reversed(out))


def _fraction(number: Decimal, digits: list[str]) -> str:
    last = digits[-1]
    if last.isdigit() and int(last) > 0 and len(digits) > 1:
        near = Fraction(round(Fraction(number) * int(last)), int(last))
    else:
        near = Fraction(number).limit_denominator(10 ** min(len(last), 4) - 1)
    sign, near = ("-" if near < 0 else ""), abs(near)
    whole, part = divmod(near, 1) if len(digits) > 2 else (0, near)
    return sign + (
        " ".join([str(whole)] * bool(whole or not part) + ([f"{part.numerator}/{part.denominator}"] if part else []))
    )


def _exponent(number: Decimal, digits: str) -> str:
    places = len(digits.partition(".")[2])
    mantissa, _, power = f"{number:.{places}E}".partition("E")
    return f"{mantissa}E{int(power):+03d}"


def _date(number: Decimal, tokens: tuple[Token, ...], date1904: bool) -> str:
    kinds = {value[0].lower() for kind, value in tokens if kind == "date"}
    elapsed = next((value for kind, value in tokens if kind == "elapsed"), "")
    if elapsed:
        return _duration(number, elapsed, tokens)
    if number >= _LAST_DAY:
        return general(number)
    moment = _moment(number, date1904)
    clock = bool(kinds & {"h", "s"})
    if clock and not kinds & {"y", "d", "e", "g"}:
        return _clock(moment, tokens)
    has_day = any(kind == "date" and value[0] in "dD" and len(value) < 3 for kind, value in tokens)
    if kinds & {"y", "e", "g"} and has_day:
        day = moment.date().isoformat()
        return f"{day} {_clock(moment, tokens)}" if clock else day
    out = []
    for kind, value in tokens:
        if kind == "date":
            out.append(_piece(moment, value))
        elif kind == "text":
            out.append(value)
    return "".join(out).strip(" ,;")


def _moment(number: Decimal, date1904: bool) -> datetime:
    days = number
    if date1904:
        start = datetime(1904, 1, 1)
    else:
        start = datetime(1899, 12, 31) if days < 60 else datetime(1899, 12, 30)  # there was no 29th of February 1900
    return start + timedelta(seconds=round(float(days) * 86_400, 3))


def _clock(moment: datetime, tokens: tuple[Token, ...]) -> str:
    seconds = any(kind == "date" and value[0] in "sS" for kind, value in tokens)
    moment += (
        timedelta(milliseconds=500)
        if seconds and moment.microsecond >= 999_000
        else timedelta(milliseconds=1 if moment.microsecond >= 999_000 else 0)
    )
    hours = any(kind == "date" and value[0] in "hH" for kind, value in tokens)
    if not hours:
        return f"{moment:%M:%S}"
    half = any(kind == "ampm" for kind, _ in tokens)
    text = f"{moment.hour % 12 or 12}:{moment:%M}" if half else f"{moment:%H:%M}"
    return text + (f":{moment:%S}" if seconds else "") + (f" {moment:%p}" if half else "")


def _duration(number: Decimal, unit: str, tokens: tuple[Token, ...]) -> str:
    seconds = int((number * 86_400).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    minutes, rest = divmod(seconds, 60)
    if unit[0] == "s":
        return str(seconds)
    has_seconds = any(kind == "date" and value[0] in "sS" for kind, value in tokens)
    if unit[0] == "m":
        return f"{minutes}:{rest:02}" if has_seconds else str(minutes)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}" + (f":{rest:02}" if has_seconds else "") if len(tokens) > 1 else str(hours)


def _piece(moment: datetime, code: str) -> str:
    letter, size = code[0].lower(), len(code)
    if letter in "yeg":
        return f"{moment.year}"
    if letter == "m":
        name = _MONTHS[moment.month - 1]
        return (
            str(moment.month) if size == 1 else f"{moment.month:02}" if size == 2 else name[:3] if size == 3 else name
        )
    if letter == "d":
        name = _DAYS[moment.weekday()]
        return str(moment.day) if size == 1 else f"{moment.day:02}" if size == 2 else name[:3] if size == 3 else name
    return f"{moment:%H}" if letter == "h" else f"{moment:%S}"


def is_date(shape: str) -> bool:
    """Whether a format shows a date or a time."""
    return any(kind in ("date", "ampm", "elapsed") for section in _sections(shape)[:1] for kind, _ in section)
