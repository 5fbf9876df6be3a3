"""True sentences with one fact altered past the verifier: `python -m benchmarks.altered [--answers N]`.

A number, a unit, a code, a name becomes another, a word its opposite; a negation or an absurd noun comes in. Each kind
changes one word of a sentence of a real passage, said plainly with its right marker. Sentences rarely hold a code, so
one is planted in passage and sentence first. The opposites are a list of this benchmark's own.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import cycle
from math import sqrt
from pathlib import Path

from benchmarks.answers import Count, Fact, draw_facts, options, publish
from rag.answer.citations import resolve
from rag.answer.verify import ACCEPTED, PARTLY, SUPPORTED, judge
from rag.text.sentences import sentence_spans
from rag.text.words import tokens
from rag.types import Chunk

NUMBER = re.compile(r"(?<![\w.,/-])\d[\d,]*(?:\.\d+)?(?![\w%/-])")
COUNTS = "two three four five six seven eight nine ten eleven twelve fifteen twenty thirty forty fifty sixty".split()
ORDINALS = "second third fourth fifth sixth seventh eighth ninth tenth".split()
UNITS = [
    "metres feet yards miles kilometres inches".split(),
    "meters feet yards miles kilometers inches".split(),
    "m ft km mi cm".split(),
    "years months weeks days hours minutes seconds decades".split(),
    "thousand million billion trillion".split(),
    "acres hectares".split(),
    "kg tons pounds grams".split(),
    "dollars euros pounds yen".split(),
    "percent degrees".split(),
    "mph knots".split(),
    "W kW MW".split(),
    "MB GB KB TB".split(),
]
QUANTITY = re.compile(r"(?<=\d )([A-Za-z]+)\b")
OPPOSITES = """increased/decreased increase/decrease rose/fell higher/lower high/low highest/lowest large/small
larger/smaller largest/smallest long/short longest/shortest old/young older/younger oldest/youngest new/old early/late
earlier/later earliest/latest first/last before/after above/below north/south northern/southern east/west
eastern/western northeast/southwest northwest/southeast left/right upper/lower inside/outside internal/external
inner/outer male/female men/women man/woman father/mother son/daughter sons/daughters brother/sister brothers/sisters
husband/wife uncle/aunt king/queen boy/girl born/died won/lost win/lose opened/closed open/closed began/ended
begins/ends started/finished started/stopped public/private major/minor maximum/minimum more/less most/least many/few
always/never good/bad best/worst better/worse strong/weak strongest/weakest rich/poor hot/cold warm/cold summer/winter
day/night light/dark black/white heavy/light hard/soft fast/slow wide/narrow deep/shallow thick/thin full/empty wet/dry
true/false right/wrong success/failure successful/unsuccessful possible/impossible legal/illegal regular/irregular
known/unknown married/unmarried direct/indirect active/inactive common/rare permanent/temporary local/foreign
domestic/foreign urban/rural ancient/modern living/dead alive/dead war/peace victory/defeat import/export
imports/exports buy/sell bought/sold accepted/rejected allowed/forbidden joined/left entered/left arrived/departed
appeared/disappeared attacked/defended supported/opposed approved/rejected created/destroyed built/demolished
raised/lowered added/removed included/excluded including/excluding gained/lost positive/negative primary/secondary
former/current senior/junior professional/amateur inferior/superior majority/minority vertical/horizontal liquid/solid
useful/useless partly/wholly partially/fully quickly/slowly often/rarely usually/rarely over/under up/down""".split()
ABSURD = """walrus teapot trombone broccoli unicorn sandal wizard omelette cactus llama doughnut igloo pirate lasagna
bagpipe mermaid pancake zebra kazoo yogurt""".split()
LOWER_NAMES = "lindqvist marchetti okonkwo petrov yamashiro dubois vanderberg szabo halloran ferreira".split()
NAMES = [name.title() for name in LOWER_NAMES]
DETERMINED = re.compile(
    r"\b(?:the|a|an|his|her|its|this) ([a-z]{4,})\b(?= (?:of|in|and|was|is|at|for|by|with|to)\b|[,.])"
)
NAME = re.compile(r"\b[A-Z][a-z]{3,}\b")
AUXILIARY = re.compile(
    r"\b(is|was|are|were|has been|have been|had been|can|will|would|could|may|must|had|has)\b(?! not)"
)


def _put(fact: Fact, match: re.Match[str], other: str) -> str:
    return f"{fact.sentence[: match.start()]}{other}{fact.sentence[match.end() :]} [{fact.marker}]"


def _text(fact: Fact) -> str:
    return fact.hits[fact.marker - 1].chunk.text


def _number(fact: Fact, rng: random.Random) -> str | None:
    """One digit more, less or another."""
    found = list(NUMBER.finditer(fact.sentence))
    if not found:
        return None
    match = rng.choice(found)
    digits, at = match[0], rng.randrange(len(match[0]))
    digit = rng.choice("123456789")
    other = rng.choice([digits[:at] + digit + digits[at + 1 :], digits[:at] + digit + digits[at:], digits[1:] or digit])
    same = {re.sub(r"\D", "", n).lstrip("0") for n in NUMBER.findall(_text(fact))}
    return None if re.sub(r"\D", "", other).lstrip("0") in {"", *same} else _put(fact, match, other)


def _number_word(fact: Fact, rng: random.Random) -> str | None:
    for words in rng.sample([COUNTS, ORDINALS], 2):
        if found := list(re.finditer(rf"\b(?:{'|'.join(words)})\b", fact.sentence)):
            match = rng.choice(found)
            return _put(fact, match, rng.choice([word for word in words if word != match[0]]))
    return None


def _unit(fact: Fact, rng: random.Random) -> str | None:
    for match in QUANTITY.finditer(fact.sentence):
        for units in UNITS:
            if match[1] in units:
                return _put(fact, match, rng.choice([unit for unit in units if unit != match[1]]))
    return None


def _plant(fact: Fact, rng: random.Random) -> tuple[Fact, str] | None:
    """The fact with a code for one of its lower-case words, in the passage, too."""
    found = list(DETERMINED.finditer(fact.sentence))
    if not found:
        return None
    match = rng.choice(found)
    capitals = "".join(rng.choices(string.ascii_uppercase, k=rng.randint(1, 3)))
    number = str(rng.randrange(2, 99999))
    code = rng.choice(
        [
            f"{capitals}-{number}",
            f"{capitals}{number}",
            f"{capitals}{number}-{rng.choice(string.ascii_uppercase)}",
            f"{number}-{capitals}-{rng.randrange(10, 99)}",
            ".".join(str(rng.randrange(1, 255)) for _ in range(4)),
            f"v{rng.randrange(1, 9)}.{rng.randrange(1, 20)}.{rng.randrange(1, 20)}",
            f"{capitals}/{number}",
        ]
    )
    sentence = fact.sentence[: match.start(1)] + code + fact.sentence[match.end(1) :]
    hit = fact.hits[fact.marker - 1]
    text = hit.chunk.text.replace(fact.sentence, sentence, 1)
    hits = list(fact.hits)
    hits[fact.marker - 1] = replace(hit, chunk=replace(hit.chunk, text=text, end=len(text)))
    return replace(fact, sentence=sentence, hits=tuple(hits)), code


def _code(fact: Fact, rng: random.Random) -> tuple[Fact, str] | None:
    """A digit or letter of a code is another, one more, or one less."""
    planted = _plant(fact, rng)
    if planted is None:
        return None
    fact, code = planted
    at = rng.choice([i for i, letter in enumerate(code) if letter.isalnum()])
    pool = string.digits if code[at].isdigit() else string.ascii_uppercase
    new = rng.choice(pool.replace(code[at], ""))
    other = rng.choice([code[:at] + new + code[at + 1 :], code[:at] + new + code[at:], code + new, code[:-1] + new])
    return None if other == code else (fact, f"{fact.sentence.replace(code, other, 1)} [{fact.marker}]")


def _letter(word: str, rng: random.Random) -> str:
    """One letter changed, left out, put in, or exchanged with the next one; not the first."""
    at = rng.randrange(1, len(word) - 1)
    new = rng.choice(string.ascii_lowercase.replace(word[at], ""))
    return rng.choice(
        [
            word[:at] + new + word[at + 1 :],
            word[:at] + word[at + 1 :],
            word[:at] + new + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )


def _names(fact: Fact) -> list[re.Match[str]]:
    """Capitalised words inside the sentence, or at its start where the passage has them inside another one, too."""
    inside = set(re.findall(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b", " ".join(hit.chunk.text for hit in fact.hits)))
    common = {word.casefold() for word in re.findall(r"\b[a-z]{3,}\b", _text(fact))}
    found = [match for match in NAME.finditer(fact.sentence) if match[0] in inside and tokens(match[0])]
    return [match for match in found if match[0].casefold() not in common and tokens(match[0])[0].kind != "number"]


def _name(fact: Fact, rng: random.Random) -> str | None:
    """A letter of a name."""
    found = _names(fact)
    if not found:
        return None
    match = rng.choice(found)
    other = _letter(match[0], rng)
    return None if other.casefold() in _text(fact).casefold() else _put(fact, match, other)


def _foreign(fact: Fact, rng: random.Random) -> str | None:
    found = _names(fact)
    return _put(fact, rng.choice(found), rng.choice(NAMES)) if found else None


def _foreign_lower(fact: Fact, rng: random.Random) -> str | None:
    """Another name in lower case; only where the name stands alone."""
    found = [m for m in _names(fact) if m.start() and not re.search(r"[A-Z]\S* \Z", fact.sentence[: m.start()])]
    found = [m for m in found if not re.match(r"\W+[A-Z]", fact.sentence[m.end() :])]
    return _put(fact, rng.choice(found), rng.choice(LOWER_NAMES)) if found else None


def _opposite(fact: Fact, rng: random.Random) -> str | None:
    pairs = [(a, b) for pair in OPPOSITES for x, y in [pair.split("/")] for a, b in [(x, y), (y, x)]]
    rng.shuffle(pairs)
    for word, other in pairs:
        if match := re.search(rf"\b{word}\b", fact.sentence):
            if not re.search(rf"\b{other}\b", fact.sentence):
                return _put(fact, match, other)
    return None


def _negation(fact: Fact, rng: random.Random) -> str | None:
    """A "not" or "never" put in, or one taken away."""
    if match := re.search(r" (?:not|never)\b(?! only)", fact.sentence):
        return _put(fact, match, "")
    if re.search(r"\b(?:no|not|never|neither|nor|without)\b|n't", fact.sentence):
        return None
    match = AUXILIARY.search(fact.sentence)
    return _put(fact, match, f"{match[1]} {rng.choice(['not', 'never', 'not'])}") if match else None


def _absurd(fact: Fact, rng: random.Random) -> str | None:
    found = list(DETERMINED.finditer(fact.sentence))
    if not found:
        return None
    match = rng.choice(found)
    said = fact.sentence[: match.start(1)] + rng.choice(ABSURD) + fact.sentence[match.end(1) :]
    return f"{said} [{fact.marker}]"


Alter = Callable[[Fact, random.Random], "str | tuple[Fact, str] | None"]

# what is altered; and the share that must be caught, that is: not said, or for the last one not said as supported
KINDS: dict[str, tuple[Alter, float]] = {
    "number": (_number, 0.98),
    "number word": (_number_word, 0.98),
    "unit": (_unit, 0.98),
    "code": (_code, 0.98),
    "letter of a name": (_name, 0.98),
    "foreign name": (_foreign, 0.98),
    "foreign name, lower case": (_foreign_lower, 0.98),
    "opposite": (_opposite, 0.8),
    "negation": (_negation, 0.8),
    "absurd noun": (_absurd, 0.9),
}


def run(n: int, found: Iterable[Fact], rng: random.Random) -> dict[str, Count]:
    """Judge n texts with one fact altered, the kinds in turn."""
    counts = {name: Count() for name in KINDS}
    todo = cycle(KINDS)
    name, done = next(todo), 0
    for fact in found:
        if done == n:
            break
        altered = KINDS[name][0](fact, rng)
        if altered is None:
            continue
        own, text = (fact, altered) if isinstance(altered, str) else altered
        verdicts = {statement.verdict for statement in resolve("", text, own.hits).statements}
        caught = not verdicts <= ({SUPPORTED} if name == "absurd noun" else ACCEPTED)
        counts[name].judged += 1
        counts[name].kept_out += caught
        if not caught:
            counts[name].wrong.append(f"{text}\n      of: {own.sentence}")
        name, done = next(todo), done + 1
    return counts


def written(path: Path) -> Iterator[tuple[str, str, list[Chunk]]]:
    """Question, sentence and passages for the sentences of the answers to MTRAG's answerable tasks."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["answerability"] == ["ANSWERABLE"]]
    for row in rows:
        texts = [context["text"] for context in row["contexts"]]
        chunks = [Chunk(f"c{n}", f"d{n}", text, 0, len(text), f"{n}.txt") for n, text in enumerate(texts)]
        question = row["input"][-1]["text"]
        lines = [line for target in row["targets"] for line in target["text"].splitlines()]
        for said in (line[start:end] for line in lines for start, end in sentence_spans(line)):
            if len(tokens(said)) >= 4:
                yield question, said, chunks


def judge_written(path: Path) -> Counter[str]:
    """The verdicts on written sentences, each with the passage, or all of them, that serves it best."""
    counts = Counter[str]()
    for question, said, chunks in written(path):
        found = {judge(said, cited, question).verdict for cited in [*([chunk] for chunk in chunks), chunks]}
        counts[next((verdict for verdict in (SUPPORTED, PARTLY) if verdict in found), "left out")] += 1
    return counts


def find_interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95%."""
    z, share = 1.96, part / whole
    middle = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * sqrt(share * (1 - share) / whole + z * z / (4 * whole**2)) / (1 + z * z / whole)
    return middle - half, middle + half


def table(counts: dict[str, Count]) -> str:
    """Markdown of what was altered."""
    rows = ["| altered | answers | caught | share | 95% interval | bar |", "|---|---|---|---|---|---|"]
    for name, count in counts.items():
        low, high = find_interval(count.kept_out, count.judged)
        shares = f"{count.kept_out / count.judged:.1%} | {low:.1%} to {high:.1%} | at least {KINDS[name][1]:.0%}"
        rows.append(f"| {name} | {count.judged:,} | {count.kept_out:,} | {shares} |")
    return "\n".join(rows)


def holds(counts: dict[str, Count]) -> bool:
    """Whether every kind's bar does."""
    return all(count.kept_out >= KINDS[name][1] * count.judged for name, count in counts.items())


def main() -> None:
    """Judge, print, write the table into docs/research/answers.md."""
    parser = options(__doc__)
    parser.add_argument("--answers", type=int, default=3000)
    parser.add_argument("--written", type=Path, help="MTRAG's tasks.jsonl.gz: answers that were written from passages")
    given = parser.parse_args()
    counts = run(given.answers, *draw_facts(given))
    publish("altered", table(counts), counts, given.show)
    if given.written:
        print(dict(judge_written(given.written)))
    sys.exit(0 if holds(counts) else 1)


if __name__ == "__main__":
    main()
