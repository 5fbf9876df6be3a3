"""True sentences said with the other polarity, past the verifier: `python -m benchmarks.negated [--answers N]`.

Each way negates a sentence of a real passage, or takes its negation away, said plainly with its right marker: beside an
auxiliary, before a verb, in front of the whole sentence, at a noun, by a prefix, by a word that denies without a
"not". Caught is what is not said. Sentences in which a way finds no place are skipped. Exit code 1 when a bar does not
hold.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterable
from itertools import cycle

from benchmarks.altered import find_interval
from benchmarks.answers import Count, Fact, Say, draw_facts, options, publish, said

BAR = 0.8  # of all of them

DENIED = re.compile(
    r"\b(?:no|not|never|neither|nor|none|nobody|nothing|nowhere|without|hardly|scarcely|rarely|seldom|lack\w*|fail\w*|"
    r"unable|refus\w+|declin\w+|except|only|rather|instead|unless|until)\b|n['’]t\b",
    re.IGNORECASE,
)
BE = re.compile(r"(?<=[a-z,)] )(is|was|are|were|has been|have been|had been)\b(?= (?!the\b|an?\b)[a-z]{4,})")
MODAL = re.compile(r"(?<=[a-z,)] )(can|may|must|should|shall|could|would)\b(?= [a-z]{3,})")
HAVE = re.compile(r"(?<=[a-z,)] )(?:has|have|had) (?:an?|the|its|several|many|two|three)\b(?= [a-z]{4,})")
WITH = re.compile(r"(?<=[a-z,)] )with(?= (?:an?|the|his|her|its|their) [a-z]{4,})")
PAST = {
    "became": "become", "began": "begin", "won": "win", "wrote": "write", "made": "make", "took": "take",
    "held": "hold", "led": "lead", "left": "leave", "moved": "move", "played": "play", "died": "die", "served": "serve",
    "lived": "live", "studied": "study", "worked": "work", "received": "receive", "produced": "produce",
    "directed": "direct", "founded": "found", "opened": "open", "published": "publish", "joined": "join",
    "married": "marry", "used": "use", "returned": "return", "reached": "reach", "attended": "attend",
    "appeared": "appear", "started": "start", "featured": "feature", "graduated": "graduate", "built": "build",
    "gave": "give", "came": "come", "went": "go", "saw": "see", "found": "find", "ran": "run", "sold": "sell",
    "released": "release", "earned": "earn", "grew": "grow",
}  # fmt: skip
PRESENT = {
    "plays": "play", "includes": "include", "contains": "contain", "makes": "make", "serves": "serve", "lives": "live",
    "covers": "cover", "provides": "provide", "produces": "produce", "follows": "follow", "features": "feature",
    "offers": "offer", "runs": "run", "holds": "hold", "takes": "take", "consists": "consist", "belongs": "belong",
    "opens": "open", "closes": "close", "requires": "require", "needs": "need", "uses": "use", "lies": "lie",
}  # fmt: skip
PREFIXED = {
    "known": "unknown", "able": "unable", "available": "unavailable", "successful": "unsuccessful", "usual": "unusual",
    "official": "unofficial", "likely": "unlikely", "popular": "unpopular", "married": "unmarried", "paid": "unpaid",
    "important": "unimportant", "complete": "incomplete", "dependent": "independent", "active": "inactive",
    "visible": "invisible", "legal": "illegal", "possible": "impossible", "regular": "irregular", "common": "uncommon",
    "necessary": "unnecessary", "aware": "unaware", "changed": "unchanged", "finished": "unfinished",
    "published": "unpublished", "released": "unreleased", "safe": "unsafe", "related": "unrelated",
}  # fmt: skip
TRUTH = "It is not true that", "It is false that", "It is not the case that", "Nobody says that", "Contrary to fact,"


def _say(fact: Fact, match: re.Match[str], words: str) -> str:
    return f"{fact.sentence[: match.start()]}{words}{fact.sentence[match.end() :]} [{fact.marker}]".replace("  ", " ")


def _pick(fact: Fact, rng: random.Random, pattern: re.Pattern[str] | str) -> re.Match[str] | None:
    """A place of a sentence that denies nothing yet."""
    if DENIED.search(fact.sentence):
        return None
    found = list(re.finditer(pattern, fact.sentence))
    return rng.choice(found) if found else None


def _words(table: Iterable[str]) -> str:
    """Verbs, where they are no participles: "was used", "a film directed by"."""
    return rf"(?<=[a-z,)] )(?<!is )(?<!was )(?<!are )(?<!were )(?<!been )(?<!ha[sd] )(?:{'|'.join(table)})\b(?! by\b)"


def _auxiliary(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, BE)
    how = rng.choice(["not", "never", "no longer", "by no means", "in no way", "not really", "hardly", "not at all"])
    return _say(fact, match, f"{match[0]} {how}") if match else None


def _contracted(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, r"(?<=[a-z,)] )(?:is|was|are|were|has|have|had)\b(?= [a-z]+(?:ed|en|wn|lt|ld)\b)")
    return _say(fact, match, f"{match[0]}{rng.choice(['n’t', chr(110) + chr(39) + 't'])}") if match else None


def _modal(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, MODAL)
    forms = ["{} not", "{} never", "need not", "does not have to", "is not required to", "is not allowed to"]
    return _say(fact, match, rng.choice(forms).format(match[0])) if match else None


def _did_not(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, _words(PAST))
    how = rng.choice(["did not", "didn’t", "never did"])
    return _say(fact, match, f"{how} {PAST[match[0]]}") if match else None


def _does_not(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, _words(PRESENT))
    how = rng.choice(["does not", "doesn’t", "no longer does", "does not even"])
    return _say(fact, match, f"{how} {PRESENT[match[0]]}") if match else None


def _failed(fact: Fact, rng: random.Random) -> str | None:
    """A verb that denies the one behind it."""
    match = _pick(fact, rng, _words(PAST))
    how = rng.choice(["failed to", "refused to", "was unable to", "declined to", "had yet to", "was never able to"])
    return _say(fact, match, f"{how} {PAST[match[0]]}") if match else None


def _fails(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, _words(PRESENT))
    how = rng.choice(["fails to", "refuses to", "is unable to", "ceased to", "is unlikely to"])
    return _say(fact, match, f"{how} {PRESENT[match[0]]}") if match else None


def _lacks(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, HAVE)
    return (
        _say(fact, match, rng.choice(["has no", "lacks a", "is without a", "had no", "lacked any"])) if match else None
    )


def _without(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, WITH)
    return _say(fact, match, "without") if match else None


def _subject(fact: Fact, rng: random.Random) -> str | None:
    """No such thing, none of them."""
    match = _pick(fact, rng, r"^(?:The|An?|Most|Many|Some|All|Several)(?= [a-z]{4,} )")
    return _say(fact, match, "No") if match else None


def _truth(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, r"^(?:The|It|He|She|They|In|An?)\b")
    return _say(fact, match, f"{rng.choice(TRUTH[:3])} {match[0].lower()}") if match else None


def _neither(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, r"(?<= )((?!and\b)[a-z]{4,}|[A-Z]\w{3,}) and ((?!the\b)[a-z]{4,}|[A-Z]\w{3,})(?=[ ,.])")
    return _say(fact, match, f"neither {match[1]} nor {match[2]}") if match else None


def _prefix(fact: Fact, rng: random.Random) -> str | None:
    match = _pick(fact, rng, rf"\b(?<!-)(?:{'|'.join(PREFIXED)})\b(?!-)")
    return _say(fact, match, PREFIXED[match[0]]) if match else None


def _affirmed(fact: Fact, rng: random.Random) -> str | None:
    """The negation taken away."""
    ways = [
        (r"(?<=\w) (?:not|never|no longer)(?= (?!only\b|just\b|until\b|all\b)[a-z]{4,})", ""),
        (r"(?<= )without(?= (?:an?|the|any|his|her) )", "with"),
        (r"(?<=\b(?:has|had) )no(?= [a-z]{4,})", "a"),
        (r"(?<=have )no(?= [a-z]{4,})", "a"),
        (r"\b(?:failed|refused|declined) to (?=[a-z]{4,})", "did "),
        (r"(?<=\bis )unable(?= to)|(?<=\bwas )unable(?= to)", "able"),
        (r"\b(?<!-)(?:unknown|unusual|unsuccessful|unofficial|unpaid|incomplete|uncommon|unlikely)\b", "un"),
    ]
    for pattern, words in rng.sample(ways, len(ways)):
        found = list(re.finditer(pattern, fact.sentence))
        if len(found) == 1:
            return _say(fact, found[0], found[0][0][2:] if words == "un" else words)
    return None


KINDS: dict[str, Say] = {
    "is not, is no longer, ...": _auxiliary,
    "isn’t": _contracted,
    "may not, need not, ...": _modal,
    "did not": _did_not,
    "does not": _does_not,
    "failed to, refused to, ...": _failed,
    "fails to, is unable to, ...": _fails,
    "has no, lacks, ...": _lacks,
    "without": _without,
    "no such thing": _subject,
    "it is not true that": _truth,
    "neither ... nor": _neither,
    "un-, in-": _prefix,
    "negation taken away": _affirmed,
}


def run(n: int, found: Iterable[Fact], rng: random.Random) -> dict[str, Count]:
    """Judge n sentences with the other polarity, the ways in turn; one that finds no place in 2,000 sentences waits."""
    counts = {name: Count() for name in KINDS}
    todo = cycle(KINDS)
    name, tried = next(todo), 0
    for fact in found:
        if sum(count.judged for count in counts.values()) == n:
            break
        text = KINDS[name](fact, rng)
        tried += 1
        if text:
            through = said(text, fact)
            counts[name].judged += 1
            counts[name].kept_out += not through
            if through:
                counts[name].wrong.append(f"{text}\n      of: {fact.sentence}")
        if text or tried == 2000:
            name, tried = next(todo), 0
    return counts


def table(counts: dict[str, Count]) -> str:
    """Markdown of what was caught."""
    rows = ["| said | answers | caught | share | 95% interval |", "|---|---|---|---|---|"]
    total = Count(*(sum(getattr(c, name) for c in counts.values()) for name in ("judged", "kept_out")))
    for name, count in {**counts, f"all; bar: at least {BAR:.0%}": total}.items():
        if count.judged:
            low, high = find_interval(count.kept_out, count.judged)
            share = count.kept_out / count.judged
            rows.append(f"| {name} | {count.judged:,} | {count.kept_out:,} | {share:.1%} | {low:.1%} to {high:.1%} |")
    return "\n".join(rows)


def holds(counts: dict[str, Count]) -> bool:
    """Whether the bar does, over all ways."""
    return sum(c.kept_out for c in counts.values()) >= BAR * sum(c.judged for c in counts.values())


def main() -> None:
    """Judge, print, write the table into docs/research/answers.md."""
    parser = options(__doc__)
    parser.add_argument("--answers", type=int, default=300)
    given = parser.parse_args()
    counts = run(given.answers, *draw_facts(given))
    publish("negated", table(counts), counts, given.show)
    sys.exit(0 if holds(counts) else 1)


if __name__ == "__main__":
    main()
