"""Good answers and mutated ones past the verifier: `python -m benchmarks.answers [--mutated N] [--good N]`.

A statement is a sentence of a real passage, said in one of several good ways, in a context of passages that stand
beside each other in the corpus (often of the same article, so that a foreign marker is no easy catch). A mutation
changes one thing that makes it false or unsupported. Caught: its verdict keeps it out of the answer. Prints a table,
the first misses, and writes the table into docs/research/answers.md. Exit code 1 when a bar does not hold.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from benchmarks.common import CORPUS
from rag.answer.citations import resolve
from rag.answer.negations import NEGATIONS
from rag.answer.terms import TURNS, read
from rag.answer.verify import ACCEPTED
from rag.text.sentences import sentence_spans
from rag.text.words import MARKER, fold, tokens
from rag.types import Chunk, Hit

PAGE = Path(__file__).parents[1] / "docs" / "research" / "answers.md"
CONTEXT = 6  # passages of a context
WORDS, LONGEST = 6, 300  # content words that a sentence must have, and the characters it may have
NUMBER = re.compile(r"(?<![\w.,-])\d[\d,]*(?:\.\d+)?(?![\w%])")
WORD = re.compile(r"[^\W\d_]{4,}")
ALIKE = [
    dict(zip("aceiopsxyhdjABCEHIKMOPTX", "асеіорѕхуһԁјАВСЕНІКМОРТХ", strict=True)),  # Cyrillic
    dict(zip("aikopuvxABEHIKMNOPTXYZ", "αικορυνχΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", strict=True)),  # Greek
    dict(zip("agihno", "ɑɡɩɦոօ", strict=True)),  # phonetic and Armenian
]
FILLERS = "hardly later rarely twice nearby formerly".split()


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence of `hits[marker - 1]`."""

    sentence: str
    marker: int
    hits: tuple[Hit, ...]

    @property
    def quoted(self) -> str:
        return f"“{self.sentence}” [{self.marker}]"

    @property
    def plain(self) -> str:
        return f"{self.sentence} [{self.marker}]"


Say = Callable[[Fact, random.Random], str | None]  # None: this sentence cannot be said, or mutated, in that way


def passages(path: Path) -> list[tuple[str, str]]:
    """Titles and texts of a corpus."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [(row["title"], row["text"]) for row in map(json.loads, lines)]


def facts(found: Sequence[tuple[str, str]], rng: random.Random) -> Iterator[Fact]:
    """Sentences with a context of passages, without end."""
    while True:
        at = rng.randrange(max(1, len(found) - CONTEXT))
        hits = []
        for n, (title, text) in enumerate(found[at : at + CONTEXT]):
            hits.append(Hit(Chunk(f"c{n}", f"d{n}", text, 0, len(text), f"{n}.txt", title), 1.0))
        marker = rng.randint(1, len(hits))
        text = hits[marker - 1].chunk.text
        spans = [text[start:end] for start, end in sentence_spans(text)]
        good = [s for s in spans if len(tokens(s)) >= WORDS and len(s) <= LONGEST and not re.search('["“”«»\n]', s)]
        good = [s for s in good if s[-1] == "." and not MARKER.search(s)]
        if good:
            yield Fact(rng.choice(good), marker, tuple(hits))


# Good ways to say a sentence.


def _folded(fact: Fact, rng: random.Random) -> str:
    other = fact.sentence.replace("'", "’").replace("–", "-").replace(" ", "\u00a0", 1)
    return f'"{other}" [{fact.marker}]'


def _short(fact: Fact, rng: random.Random) -> str | None:
    names = re.findall(r"(?<=[a-z] )[A-Z]\w+(?: [A-Z]\w+)*", fact.sentence)
    return f"{rng.choice(names)}: {fact.quoted}" if names else None


def _led(fact: Fact, rng: random.Random) -> str:
    lead = rng.choice(["According to the passage, ", "Yes, ", "- ", "2. ", "**Answer:** "])
    return lead + fact.plain


def _clipped(fact: Fact, rng: random.Random) -> str | None:
    head = fact.sentence.rpartition(", ")[0]
    return f"{head}. [{fact.marker}]" if len(tokens(head)) >= WORDS else None


def _regrouped(fact: Fact, rng: random.Random) -> str | None:
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", fact.sentence)
    return f"{plain} [{fact.marker}]" if plain != fact.sentence else None


def _shortened(fact: Fact, rng: random.Random) -> str | None:
    """Without two of its small words, as a summary leaves out."""
    lower = [m for m in re.finditer(r"(?<= )[a-z]{4,}(?= )", fact.sentence) if m[0] not in NEGATIONS | TURNS]
    if len(lower) < 5:
        return None
    text = fact.sentence
    for match in sorted(rng.sample(lower, 2), key=lambda m: -m.start()):
        text = text[: match.start()] + text[match.end() + 1 :]
    return f"{text} [{fact.marker}]"


def _joined(fact: Fact, rng: random.Random) -> str | None:
    """Two sentences of two passages as one statement with both markers."""
    others = [n for n in range(1, len(fact.hits) + 1) if n != fact.marker]
    other = rng.choice(others)
    text = fact.hits[other - 1].chunk.text
    start, end = sentence_spans(text)[0]
    second = text[start:end]
    if len(tokens(second)) < WORDS or MARKER.search(second) or '"' in second:
        return None
    return f"{fact.sentence[:-1]}, and {second.rstrip('.')} [{fact.marker}][{other}]."


def _exchanged(fact: Fact, rng: random.Random, pairs: dict[str, str]) -> str | None:
    """With one of the words said otherwise."""
    words = re.finditer(r"(?<![\w,.:-])\w++(?! ?[\w-]?-|[.,]\d)", fact.sentence)
    found = [match for match in words if match[0] in pairs and not MONTH.search(fact.sentence[: match.start()])]
    if not found:
        return None
    match = rng.choice(found)
    return f"{fact.sentence[: match.start()]}{pairs[match[0]]}{fact.sentence[match.end() :]} [{fact.marker}]"


def _fronted(fact: Fact, rng: random.Random) -> str | None:
    """With its last "in 1990" in front."""
    match = re.fullmatch(r"(?:The|It|He|She|They) (.+), ?((?:in|on|at|after|before|during) [^,]+)\.", fact.sentence)
    if match is None:
        return None
    head = fact.sentence[: match.start(2)].rstrip(", ")
    return f"{match[2][0].upper()}{match[2][1:]}, {head[0].lower()}{head[1:]}. [{fact.marker}]"


MONTH = re.compile(r"(?:ary|ch|ril|May|ne|ly|ust|ber|ty|-) \Z")  # 3 May and seventy two have no other form
FIGURES = {
    str(n): word for n, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)
}
SIGNS = {
    "km": "kilometres", "kilometers": "km", "kilometres": "km", "meters": "metres", "metres": "m", "miles": "mi",
    "feet": "ft", "kg": "kilograms", "hours": "h", "minutes": "min",
}  # fmt: skip
INFLECTED = {
    "played": "plays", "plays": "played", "won": "wins", "wrote": "writes", "written": "wrote", "moved": "moves",
    "became": "becomes", "began": "begins", "made": "makes", "used": "uses", "included": "includes",
    "films": "film", "members": "member", "songs": "song", "published": "publishes", "lived": "lives", "led": "leads",
    "took": "takes", "held": "holds", "found": "finds", "named": "names", "cities": "city", "countries": "country",
    "served": "serving", "directed": "directs", "produced": "produces", "studied": "studies", "opened": "opens",
}  # fmt: skip
SYNONYMS = {
    "located": "situated", "began": "started", "started": "began", "received": "got", "large": "big", "film": "movie",
    "several": "various", "released": "issued", "founded": "established", "established": "founded", "mainly": "mostly",
    "approximately": "about", "died": "passed", "city": "town", "area": "region", "region": "area", "built": "erected",
    "created": "made", "attended": "visited", "wrote": "authored", "famous": "renowned", "nearby": "adjacent",
    "children": "kids", "purchased": "bought", "obtained": "got", "company": "firm", "usually": "commonly",
}  # fmt: skip
GOOD: dict[str, Say] = {
    "figures as words": lambda fact, rng: _exchanged(fact, rng, FIGURES | {w: n for n, w in FIGURES.items()}),
    "units written otherwise": lambda fact, rng: _exchanged(fact, rng, SIGNS),
    "inflected": lambda fact, rng: _exchanged(fact, rng, INFLECTED),
    "a synonym": lambda fact, rng: _exchanged(fact, rng, SYNONYMS),
    "turned round": _fronted,
    "quoted": lambda fact, rng: fact.quoted,
    "plain": lambda fact, rng: fact.plain,
    "other quotation marks and spaces": _folded,
    "short answer and quote": _short,
    "with a lead": _led,
    "without its last clause": _clipped,
    "numbers regrouped": _regrouped,
    "without two words": _shortened,
    "two passages in one": _joined,
}


# Mutations.


def _missing(fact: Fact, rng: random.Random) -> str:
    marker = rng.choice(["", " [0]", f" [{len(fact.hits) + rng.randint(1, 900)}]", f" [{fact.marker}][99]"])
    return f"“{fact.sentence}”{marker}"


def _foreign(fact: Fact, rng: random.Random) -> str | None:
    """The marker of a passage about something else."""
    own = fact.hits[fact.marker - 1].chunk
    others = [n for n, hit in enumerate(fact.hits, 1) if hit.chunk.title != own.title]
    form = rng.choice(["“{}” [{}]", "{} [{}]"])
    return form.format(fact.sentence, rng.choice(others)) if others else None


def _altered(fact: Fact, rng: random.Random) -> str | None:
    """A quotation with a word more, a word less, another word, or two of them exchanged."""
    words = fact.sentence[:-1].split(" ")
    at = rng.randrange(1, len(words) - 1)
    changed = rng.choice(
        [
            [*words[:at], rng.choice(FILLERS), *words[at:]],
            [*words[:at], *words[at + 1 :]],
            [*words[:at], rng.choice(FILLERS), *words[at + 1 :]],
            [*words[: at - 1], words[at], words[at - 1], *words[at + 1 :]],
        ]
    )
    return None if changed == words else f"“{' '.join(changed)}.” [{fact.marker}]"


def _renumbered(fact: Fact, rng: random.Random) -> str | None:
    """A number of the sentence becomes another: a near one, any, one of the same passage, or its neighbour's."""
    inside = list(NUMBER.finditer(fact.sentence))
    if not inside:
        return None
    match = rng.choice(inside)
    own = re.sub(r"\D", "", match[0])
    text = fact.hits[fact.marker - 1].chunk.text
    near = [n for n in NUMBER.findall(text) if re.sub(r"\D", "", n) != own]
    other = rng.choice(
        [str(int(own) + rng.choice([-10, -1, 1, 10, 100])), str(rng.randrange(1, 10 ** len(own))), *near]
    )
    said = fact.sentence[: match.start()] + other + fact.sentence[match.end() :]
    if rng.random() < 0.25 and len(inside) > 1:  # two numbers of the sentence exchanged
        a, b = sorted(rng.sample(inside, 2), key=lambda m: m.start())
        s = fact.sentence
        said = s[: a.start()] + b[0] + s[a.end() : b.start()] + a[0] + s[b.end() :]
    if [t.key for t in read(said)] == [t.key for t in read(fact.sentence)]:
        return None  # the same date in another order
    return rng.choice([f"“{said}” [{fact.marker}]", f"{said} [{fact.marker}]"])


def _stitched(fact: Fact, rng: random.Random) -> str | None:
    """The start of one sentence and the end of another as one quotation."""
    other = rng.randint(1, len(fact.hits))
    text = fact.hits[other - 1].chunk.text
    ends = [text[a:b] for a, b in sentence_spans(text) if text[a:b] != fact.sentence and '"' not in text[a:b]]
    if not ends:
        return None
    first, second = fact.sentence.split(" "), rng.choice(ends).split(" ")
    if len(second) < 4:
        return None
    said = " ".join(first[: len(first) // 2] + second[len(second) // 2 :])
    held = any(fold(said).strip(" .") in fold(hit.chunk.text) for hit in fact.hits)
    return None if held or MARKER.search(said) else f"“{said}” [{fact.marker}][{other}]"


def _alike(fact: Fact, rng: random.Random) -> str | None:
    """A letter of a word becomes one of another script that looks like it."""
    table = rng.choice(ALIKE)
    spots = [m.start() + i for m in WORD.finditer(fact.sentence) for i, c in enumerate(m[0]) if c in table]
    spots = [at for at in spots if tokens(fact.sentence[: at + 1])]
    if not spots:
        return None
    at = rng.choice(spots)
    said = fact.sentence[:at] + table[fact.sentence[at]] + fact.sentence[at + 1 :]
    return rng.choice([f"“{said}” [{fact.marker}]", f"{said} [{fact.marker}]"])


MUTATIONS: dict[str, tuple[Say, float]] = {  # and the share of them that must be caught
    "missing id": (_missing, 1.0),
    "foreign chunk": (_foreign, 0.98),
    "altered quote": (_altered, 1.0),
    "swapped number": (_renumbered, 0.98),
    "stitched quote": (_stitched, 1.0),
    "look-alike characters": (_alike, 1.0),
}
REJECTED = 0.02  # of the good ones, at most


@dataclass(slots=True)
class Count:
    """How many were judged, how many of them kept out, and the ones that came out wrong."""

    judged: int = 0
    kept_out: int = 0
    wrong: list[str] = field(default_factory=list)


def said(text: str, fact: Fact) -> bool:
    """Whether every statement of the text is let through."""
    answer = resolve("", text, fact.hits)
    return bool(answer.statements) and all(statement.verdict in ACCEPTED for statement in answer.statements)


def run(kinds: dict[str, Say], n: int, found: Iterable[Fact], rng: random.Random, *, good: bool) -> dict[str, Count]:
    """Judge n texts, the kinds in turn."""
    counts = {name: Count() for name in kinds}
    todo = cycle(kinds)
    name, done = next(todo), 0
    for fact in found:
        if done == n:
            break
        text = kinds[name](fact, rng)
        if text is None:
            continue
        count = counts[name]
        through = said(text, fact)
        count.judged += 1
        count.kept_out += not through
        if through is not good:
            count.wrong.append(f"{text}\n      of: {fact.sentence}")
        name, done = next(todo), done + 1
    return counts


def table(mutated: dict[str, Count], good: dict[str, Count]) -> str:
    """Markdown of both."""
    rows = ["| what | answers | kept out | share | bar |", "|---|---|---|---|---|"]
    for name, count in mutated.items():
        share, bar = count.kept_out / max(1, count.judged), MUTATIONS[name][1]
        rows.append(f"| {name} | {count.judged:,} | {count.kept_out:,} | {share:.1%} | at least {bar:.0%} |")
    judged, out = (sum(getattr(c, name) for c in good.values()) for name in ("judged", "kept_out"))
    rows.append(f"| good ones | {judged:,} | {out:,} | {out / max(1, judged):.1%} | at most {REJECTED:.0%} |")
    return "\n".join(rows)


def holds(mutated: dict[str, Count], good: dict[str, Count]) -> bool:
    """Whether every bar does."""
    caught = all(count.kept_out >= MUTATIONS[name][1] * count.judged for name, count in mutated.items())
    return caught and sum(c.kept_out for c in good.values()) <= REJECTED * sum(c.judged for c in good.values())


def options(description: str | None) -> argparse.ArgumentParser:
    """What every benchmark of statements takes."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, action="append", help="jsonl[.gz] of {title, text}; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=3, help="wrong ones shown of each kind")
    return parser


def draw_facts(given: argparse.Namespace) -> tuple[Iterator[Fact], random.Random]:
    """The facts of the passages, and what draws them."""
    rng = random.Random(given.seed)
    return facts([passage for path in given.corpus or [CORPUS] for passage in passages(path)], rng), rng


def publish(block: str, text: str, counts: Mapping[str, Count], show: int) -> None:
    """Print a table and the wrong ones, and write the table into its block of docs/research/answers.md."""
    print(text)
    for name, count in counts.items():
        for wrong in count.wrong[:show]:
            print(f"  {name}: {wrong}")
    place = re.compile(rf"(<!-- {block} -->\n).*?(<!-- end -->)", re.DOTALL)
    if place.search(page := PAGE.read_text()):
        PAGE.write_text(place.sub(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", page, count=1))


def main() -> None:
    """Judge, print, write the table."""
    parser = options(__doc__)
    parser.add_argument("--mutated", type=int, default=2000)
    parser.add_argument("--good", type=int, default=1000)
    given = parser.parse_args()
    source, rng = draw_facts(given)
    kinds = {name: say for name, (say, _) in MUTATIONS.items()}
    mutated = run(kinds, given.mutated, source, rng, good=False)
    good = run(GOOD, given.good, source, rng, good=True)
    publish("mutations", table(mutated, good), {**mutated, **good}, given.show)
    sys.exit(0 if holds(mutated, good) else 1)


if __name__ == "__main__":
    main()
