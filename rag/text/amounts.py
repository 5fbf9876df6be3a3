"""Whether a text says a number, a time or a date, in digits or in English words, as widely as an answer may say it.

What it does not do: it reads no value, and knows no other language's words.
"""

import re

_NUMBER = re.compile(
    r"\d|\b(?:zero|none|no|once|twice|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w*teen|twenty|thirty"
    r"|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|billions?|trillions?|dozens?|half|halves"
    r"|quarters?|\w+fold|thirds?|single|pair|couple|several|some|number|few|many|most|all|both|every|each|majority|double|triple"
    r"|first|second|third|an?|[IVXLCDM]+)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\d|\b(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|(?:jan|febr)uary|march|april|may|june|july|august"
    r"|(?:septem|octo|novem|decem)ber|\w+day|spring|summer|autumn|fall|winter|[IVXL]{2,}|BC|AD|centur(?:y|ies)|millennium"
    r"|epoch|decades?|ancient|medieval|modern|never|years?|months?|weeks?|days?|hours?|minutes?|seconds?|nights?|morning"
    r"|noon|midnight|evening|afternoon|today|tomorrow|yesterday|now|annually|daily|before|after|following|during|when|while"
    r"|until|since|by|at|in|on|as|once|upon|immediately|beginning|start|end|era|ages?|periods?|times?|early|late|later"
    r"|christmas|easter|\w*teen|twenty|twentieth|one|two|three|four|five|six|seven|eight|nine|ten|first|second|last|next"
    r"|recent|recently|war)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:\W*\d+(?:st|nd|rd|th)?\b|\W*(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"\b)+\W*"
)


def has_number(text: str) -> bool:
    """Whether it says how many: "seven", "half of them", "a few"."""
    return bool(_NUMBER.search(text))


def has_time(text: str) -> bool:
    """Whether it may say when: "1990", "before the war", "last spring"."""
    return bool(_TIME.search(text))


def is_date(text: str) -> bool:
    """Whether it is nothing but numbers and months: "3 May 1990"."""
    return bool(_DATE.fullmatch(text))
