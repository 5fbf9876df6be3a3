"""Which sentences are shown to a question without a short answer: those that most likely hold the answer.

A sum of what a sentence and its passage have of the question (`rag.text.overlap`), the passage's place, the reader's
best span in the sentence, and its length; then one after another, each also for what it has of the question that those
before it lack; none that has nothing of it and is no step. So it works where the reader does not know the language:
there it is words and places. An item of a list is weighed, and shown, with the sentence that leads on to it; where a
question asks for a list, with the other items.
What it does not do: it composes nothing.
"""

import math
import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from rag.reader.candidates import MIN_SCORE
from rag.reader.echo import asks_alike
from rag.reader.evidence import says_something
from rag.reader.network import Passage, ReaderOutput, Span
from rag.reader.steps import find_steps
from rag.text.overlap import find_parts, share_parts, weigh_parts
from rag.text.pointers import asks_where_to_read, is_pointer
from rag.text.questions import analyse, name_subject
from rag.text.sentences import sentence_spans
from rag.text.wraps import ITEM

# Rounded, of a regression on which of a question's sentences hold the answer: see docs/research/answers.md
OVERLAP, PASSAGE, PLACE, SPAN, FIRST = 4.5, 1.2, 2.0, 5.5, 0.6
LENGTH, UNREAD_LENGTH = 0.5, -1.0  # of the logarithm of its letters; by words alone, long ones have them by chance
SOFTNESS = 3.0  # logits of a span's score
GAIN = 3.0  # what the rest of the question is worth in a further sentence
LINK = 1.5  # what it is worth to be about what a chosen sentence mentions, or to mention what a chosen one is about
NAME = 1.0  # to share a rare name with a chosen one
NEAR = 2.5  # how much less than the best one a further sentence may be worth
NEAR_WAY = 3.5  # the same where a question asks for a way to do something, which one sentence rarely says
KEY = 0.2  # of the question, in the cells of the row that it asks for
LISTED = 2.0  # what it is worth to be an item, where a question asks for a list
SAME = 0.8  # of the words and pieces of two sentences that say the same

_LABEL = re.compile(r"(?:^|(?<=; ))[^:;|]{1,60}: (?=[^;|]*(?:;|$))")  # of a row: Berth: 9; Depth: 4.3
_CLOSED = re.compile(r"[.!?][\"”’)]*$")  # ends a statement, which leads on to items only where a list is asked for


def choose_evidence(
    question: str,
    passages: Sequence[Passage],
    outputs: Sequence[ReaderOutput],
    speaking: AbstractSet[int],
    *,
    most: int,
    first: Span | None = None,
    unread: AbstractSet[int] = frozenset(),
    about: Sequence[Sequence[str]] = (),
) -> list[Span]:
    """The sentences of the `speaking` passages that answer best, as many as are near the best one.

    `first` is the sentence with the likeliest answer; `unread` are passages in a language the reader does not know;
    `about` are the keys of what each passage is about. Where steps lead from sentence to sentence (`rag.reader.steps`),
    those of such steps are all, in their order.
    """
    found = [one for n in sorted(speaking) for one in _sentences(n, passages)]
    found = [one for one in found if not asks_alike(question, _text(one, passages))]
    if not asks_where_to_read(question):
        found = [one for one in found if not is_pointer(_text(one, passages))] or found
    texts = [_text(one, passages) for one in found]
    items = [bool(ITEM.match(text)) for text in texts]
    kind = analyse(question).kind
    asks_list, near = kind == "list", NEAR_WAY if kind == "way" else NEAR
    leads = _find_leads(texts, [one.passage for one in found], closed=asks_list)
    whole = [f"{texts[leads[i]]} {text}" if i in leads else text for i, text in enumerate(texts)]
    weights = weigh_parts(name_subject(question), texts)
    shares = {n: share_parts(weights, passages[n][1]) for n in speaking}
    overlap = [OVERLAP * share_parts(weights, text) for text in whole]
    shared = [share_parts(weights, _LABEL.sub("", text)) for text in whole]  # a row's labels are every row's
    likely = [SPAN / (1 + math.exp(-_best_score(one, outputs) / SOFTNESS)) for one in found]
    worth = [
        overlap[i]
        + PASSAGE * shares[one.passage]
        + PLACE / (1 + one.passage)
        + likely[i]
        + FIRST * (first is not None and (one.passage, one.start) == (first.passage, first.start))
        + LISTED * (asks_list and items[i])
        + (UNREAD_LENGTH if one.passage in unread else LENGTH) * math.log(len(texts[i]))
        for i, one in enumerate(found)
    ]
    steps = find_steps(question, found, passages, about)
    # rows with nothing of the question, of a table with a row that has it
    keyed = {steps.columns[i] for i, share in enumerate(shared) if share >= KEY}
    beside = {i for i, share in enumerate(shared) if not share and steps.columns[i] and steps.columns[i] in keyed}
    most_worth = max((one for i, one in enumerate(worth) if i not in beside), default=0.0)
    chosen: list[int] = []
    missing = dict(weights)
    while len(chosen) < most:
        left = [i for i, text in enumerate(texts) if not any(_says_same(text, texts[other]) for other in chosen)]
        gains = {i: worth[i] + GAIN * bool(chosen) * share_parts(missing, whole[i]) for i in left}
        for i in left:
            linked = any(steps.are_linked(i, other) for other in chosen)
            if chosen and not linked and (not shared[i] or any(steps.leads_past(other, i) for other in chosen)):
                gains[i] = -math.inf
            if i in beside and all(steps.columns[i] == steps.columns[other] for other in chosen):
                gains[i] = -math.inf
            if any(steps.lead_on(i, other) for other in chosen):
                gains[i] += LINK
            elif linked:
                gains[i] += NAME
        best = max(gains, key=lambda i: gains[i], default=None)
        if best is None or gains[best] < most_worth - near:
            break
        if asks_list and items[best]:
            chosen += _find_list(best, items, found)
        else:
            lead = leads.get(best, best)
            chosen += [best] if lead in (best, *chosen) or len(chosen) + 1 == most else [lead, best]
        missing = {part: weight for part, weight in missing.items() if part not in find_parts(whole[best])}
    shown = [*dict.fromkeys(chosen)][:most]
    order = steps.order(sorted(shown, key=lambda i: (-likely[i], overlap[i])))  # what answers may have little of it
    return [found[i] for i in (order if shown[:1] and shown[0] in order else shown)]


def _find_list(item: int, items: Sequence[bool], found: Sequence[Span]) -> list[int]:
    """The items that stand in one list with an item, in their order."""
    first = last = item
    while first > 0 and items[first - 1] and found[first - 1].passage == found[item].passage:
        first -= 1
    while last + 1 < len(items) and items[last + 1] and found[last + 1].passage == found[item].passage:
        last += 1
    return list(range(first, last + 1))


def _sentences(place: int, passages: Sequence[Passage]) -> list[Span]:
    """What can be quoted of a passage."""
    spans = [Span(place, start, end, 0.0) for start, end in sentence_spans(passages[place][1])]
    return [one for one in spans if says_something(one, passages)]


def _text(sentence: Span, passages: Sequence[Passage]) -> str:
    return passages[sentence.passage][1][sentence.start : sentence.end]


def _find_leads(texts: Sequence[str], places: Sequence[int], *, closed: bool) -> dict[int, int]:
    """For the items of a list the sentence that leads on to it, by their numbers; `places` are their passages'.

    One that ends as a statement only where `closed`."""
    leads: dict[int, int] = {}
    for i in range(1, len(texts)):
        if ITEM.match(texts[i]) and places[i] == places[i - 1]:
            leads[i] = leads.get(i - 1, i - 1)
    return {i: n for i, n in leads.items() if not ITEM.match(texts[n]) and (closed or not _CLOSED.search(texts[n]))}


def _best_score(sentence: Span, outputs: Sequence[ReaderOutput]) -> float:
    """That of the spans that start in a sentence."""
    spans = outputs[sentence.passage].spans
    return max([MIN_SCORE, *(span.score for span in spans if sentence.start <= span.start < sentence.end)])


def _says_same(one: str, other: str) -> bool:
    """Whether two sentences have nearly the same words, and the same numbers."""
    own, its = find_parts(one), find_parts(other)
    alike = len(own & its) >= SAME * len(own | its)
    return alike and not any(letter.isdigit() for part in own ^ its for letter in part)
