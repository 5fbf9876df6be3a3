"""Which language a text is in, as a two-letter code; who stems it.

fastText's small model of 176 languages (`weights/lid.176.ftz`, Joulin et al., arXiv 1612.03651 and 1607.01759, CC BY-SA
3.0), run by fasttext-predict, offline. A text that is short, or code, or in no clear language has none; so has every
text where the library has no wheel. A document says its language in the field `language`, its own one if the file has
it (`language: de` in front matter). What it does not do: find several languages in a text.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from rag.types import Document, Values

FIELD = "language"  # of a document's meta
SAMPLES, SAMPLE = 5, 1000  # stretches of a document that are looked at, and characters of each
LEAST_LETTERS = 12  # of a text; fewer say nothing
LEAST_SCORE = 0.5  # what was wrong of 960 XQuAD questions and of 357 English ones had less
STEMMERS: Mapping[str, str] = {  # Snowball's algorithms
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pl": "polish",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
NAMES: Mapping[str, str] = {code: name.title() for code, name in STEMMERS.items()} | {
    "bg": "Bulgarian", "he": "Hebrew", "ja": "Japanese", "ko": "Korean", "th": "Thai", "uk": "Ukrainian",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip

MODEL = Path(__file__).parent / "weights" / "lid.176.ftz"

_KANA = re.compile("[\u3040-\u30ff]")
_SPACE = re.compile(r"\s+")


@lru_cache(256)
def detect_language(text: str) -> str:
    """The language of a short text, such as a question; "" where it is not clear."""
    language, score = _detect(text[:SAMPLE])
    return language if score >= LEAST_SCORE else ""


def language_likeness(text: str) -> float:
    """The probability of the likeliest language of a text; 1 where the library is not there, which doubts nothing."""
    return _detect(text)[1] if _load() is not None else 1.0


def document_language(document: Document) -> str:
    """The language that a document names, else the one that most of its stretches are in; "" where it is not clear."""
    if named := named_language(document.meta):
        return named
    step = max(SAMPLE, len(document.text) // SAMPLES)
    scores: dict[str, float] = {}
    for start in range(0, min(len(document.text), step * SAMPLES), step):
        language, score = _detect(document.text[start : start + SAMPLE])
        scores[language] = scores.get(language, 0.0) + score
    if not scores:
        return ""
    best = max(scores, key=lambda code: scores[code])
    return best if scores[best] >= LEAST_SCORE and 2 * scores[best] > sum(scores.values()) else ""


def with_language(document: Document) -> Document:
    """The document with its language as a field, unless it has the field, or no clear language."""
    if any(name.casefold() == FIELD for name in document.meta) or not (code := document_language(document)):
        return document
    return replace(document, meta={**document.meta, FIELD: code})


def named_language(meta: Mapping[str, Values]) -> str:
    """The code in a document's or a chunk's fields, of "de-AT" the first part; "" where there is none."""
    value = next((value for name, value in meta.items() if name.casefold() == FIELD), "")
    code = re.split("[-_]", value.strip().casefold())[0] if isinstance(value, str) else ""
    return code if len(code) == 2 and code.isalpha() else ""


def language_name(code: str) -> str:
    """What a person calls it."""
    return NAMES.get(code, code)


def _detect(text: str) -> tuple[str, float]:
    """The likeliest language and its probability."""
    text = _SPACE.sub(" ", text).strip()
    if sum(map(str.isalpha, text)) < LEAST_LETTERS and text.isascii():
        return "", 0.0
    model = _load()
    if model is None:
        return "", 0.0
    labels, scores = model.predict(text, k=1)
    code = str(labels[0]).removeprefix("__label__") if labels else ""
    if code == "ja" and not _KANA.search(text):
        code = "zh"  # the model takes short Chinese texts for Japanese
    return code, float(scores[0]) if labels else 0.0


@cache
def _load() -> Any:
    """The model; None where the library is not there."""
    with suppress(ImportError):
        import fasttext

        return fasttext.load_model(str(MODEL))
    return None
