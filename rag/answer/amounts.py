"""Numbers, units, money and dates in one way of writing: "five million dollars" as 5000000 dollars, "km" as kilometres.

What it does not do: convert units, read Roman numbers.
"""

import re

from rag.text.stopwords import STOP_WORDS

_MONTH = r"(?P<month>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?)"
_ORDERS = (
    re.compile(r"\b(?P<year>\d{4})\s+" + _MONTH + r"\s+(?P<day>\d{1,2})\b"),
    re.compile(_MONTH + r"\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?\b(?!,\d)(?P<year>,?\s+\d{4}\b)?"),
)

_SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen""".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUE = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, 2)}
_GREAT = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "bn": 10**9}
_ORDINAL = {
    word: n
    for n, word in enumerate("second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split(), 2)
} | {f"{word}th": n for word, n in _VALUE.items() if 13 <= n <= 19}
_ORDINAL |= {f"{word[:-1]}ieth": n for word, n in _VALUE.items() if n >= 20}
_SPELT = re.compile(
    r"(?<!\w)(?:{0})(?:(?:[\s-]+and)?[\s-]+(?:{0}|{1}))*(?![\w])|(?<![\w.,])\d[\d,]*(?:\.\d+)?[\s-]+(?:{2})\b".format(
        "|".join([*_VALUE, *_ORDINAL]), "|".join([*_GREAT, "first"]), "|".join(_GREAT)
    ),
    re.IGNORECASE,
)
_NO_COUNT = re.compile(r"(?:no|the|this|that|any|every|each|which|another|only)\s+\Z", re.IGNORECASE)
_COUNTED = re.compile(r"[\s-]+([a-z]+)")

UNITS = {
    form: names.split()[0]
    for names in """metre metres meter meters|kilometre kilometres kilometer kilometers|centimetre centimetres
    centimeter centimeters|millimetre millimetres millimeter millimeters|micrometre micrometres micrometer
    micrometers|mile miles|yard yards|foot feet|inch inches|acre acres|hectare hectares|litre litres liter
    liters|millilitre millilitres milliliter milliliters|gallon gallons|pint pints|barrel barrels|gram grams gramme
    grammes|kilogram kilograms kilogramme kilogrammes kilo kilos|milligram milligrams|microgram micrograms|ton tons
    tonne tonnes|pound pounds lb lbs|ounce ounces|watt watts|kilowatt kilowatts|megawatt megawatts|gigawatt
    gigawatts|milliwatt milliwatts|volt volts|kilovolt kilovolts|ampere amperes amp
    amps|hertz|kilohertz|megahertz|gigahertz|byte bytes|bit bits|kilobyte kilobytes|megabyte megabytes|gigabyte
    gigabytes|terabyte terabytes|joule joules|kilojoule kilojoules|kilowatthour kilowatthours|calorie
    calories|kilocalorie kilocalories|newton newtons|pascal pascals|bar bars|degree degrees|celsius
    centigrade|fahrenheit|kelvin|percent percentage|second seconds|millisecond milliseconds|minute minutes|hour
    hours|day days|week weeks|month months|year years|decade decades|century centuries|knot knots|mph|kph|decibel
    decibels|horsepower|rpm|dollar dollars|cent cents|euro euros|yen|krone kroner kronor krona|rupee rupees|franc
    francs|hundredweight|furlong furlongs|fathom fathoms|league leagues""".split("|")
    for form in names.split()
}
_SHORT = {
    "km": "kilometres", "m": "metres", "cm": "centimetres", "mm": "millimetres", "µm": "micrometres", "mi": "miles",
    "yd": "yards", "ft": "feet", "in": "inches", "ha": "hectares", "l": "litres", "L": "litres", "ml": "millilitres",
    "mL": "millilitres", "kg": "kilograms", "g": "grams", "mg": "milligrams", "t": "tons", "lb": "pounds",
    "lbs": "pounds", "oz": "ounces", "W": "watts", "kW": "kilowatts", "MW": "megawatts", "GW": "gigawatts",
    "mW": "milliwatts", "V": "volts", "kV": "kilovolts", "A": "amperes", "Hz": "hertz", "kHz": "kilohertz",
    "MHz": "megahertz", "GHz": "gigahertz", "KB": "kilobytes", "kB": "kilobytes", "MB": "megabytes",
    "GB": "gigabytes", "TB": "terabytes", "kJ": "kilojoules", "kWh": "kilowatthours", "kcal": "kilocalories",
    "ms": "milliseconds", "min": "minutes", "mins": "minutes", "h": "hours", "hr": "hours", "hrs": "hours",
    "yr": "years", "yrs": "years", "dB": "decibels", "hp": "horsepower", "kn": "knots", "°C": "celsius",
    "°F": "fahrenheit", "%": "percent", "°": "degrees",
}  # fmt: skip
_AFTER = re.compile(  # a unit's sign behind its number, with a space where it is no word by itself
    r"(?<![\w.,])(\d[\d.,]*)(?:\s?({})|({}))(?![\w°])".format(
        "|".join(re.escape(s) for s in sorted(_SHORT, key=len, reverse=True) if s not in {"in", "A", "t", "L"}),
        "|".join(("in", "A", "t", "L")),
    )
)
_MONEY = {"$": "dollars", "€": "euros", "£": "pounds", "¥": "yen"}
_BEFORE = re.compile(r"([$€£¥])\s?(\d[\d,.]*\d|\d)((?:[\s-](?:thousand|million|billion|trillion|bn))?)")
_PER_CENT = re.compile(r"\bper\s?cent\b", re.IGNORECASE)


def level_amounts(text: str) -> str:
    """A text with its dates, money, units and numbers in one way of writing."""
    text = _PER_CENT.sub("percent", _BEFORE.sub(lambda m: f" {m[2]}{m[3]} {_MONEY[m[1]]}", text))
    text = _SPELT.sub(_figure, text)
    for order in _ORDERS:
        text = order.sub(lambda date: f"{date['day']} {date['month']} {date['year'] or ''}", text)
    return _AFTER.sub(lambda match: f"{match[1]} {_SHORT[match[2] or match[3]]}", text)


def _figure(match: re.Match[str]) -> str:
    """A number in figures; as it is where its words make none."""
    words = re.split(r"[\s-]+", match[0].lower())
    before, after = match.string[: match.start()], _COUNTED.match(match.string, match.end())
    if words == ["one"] and (_NO_COUNT.search(before) or not after or after[1] in STOP_WORDS):
        return match[0]
    if words == ["second"] and re.search(r"\d[\s-]*\Z", before):
        return "seconds"
    total, part, ended = 0.0, -1.0, ""
    figures = []
    for word in words:
        if word == "and":
            continue
        if word == "second" and part >= 0 and part % 10:  # "five second", but "twenty-second"
            ended = " seconds"
            break
        if word[0].isdigit():
            part = float(word.replace(",", ""))
        elif scale := _GREAT.get(word, 0):
            part *= scale
            if scale > 100:
                total, part = total + part, 0
        else:
            value = _VALUE.get(word, _ORDINAL.get(word, 1))
            if part >= 0 and not (
                (value < 10 and part % 100 >= 20 and part % 10 == 0) or (part % 100 == 0 and part > 0) or total
            ):
                figures.append(total + part)
                total, part = 0, -1
            part = max(part, 0) + value
            ended = "th" * (word not in _VALUE)
    figures.append(total + max(part, 0))
    return " ".join(f"{figure:.6f}".rstrip("0").rstrip(".") for figure in figures) + ended
