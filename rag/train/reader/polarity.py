"""Questions for yes and no, made of sentences by rules: the first auxiliary goes to the front.

"The pump is not sealed." makes "Is the pump sealed?". The passage as it stands answers no; with the sentence turned
into its opposite ("The pump is sealed.") it answers yes; without the sentence it does not say. Only sentences of one
clause that are sure to turn well are taken: nothing before the subject, no quotation, no second denial.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rag.text.sentences import sentence_spans
from rag.train.reader.inputs import ReaderInput
from rag.train.reader.questions import ReaderPassage

YES, NO, UNSAID = 1, 2, 0
LONGEST = 170  # characters of a sentence
AFFIRMED = 0.35  # share of passages without a denial that are taken
LEFT_OUT = 0.15  # share of questions that are also asked without the sentence
LOWER = 0.15  # share of questions in small letters

_AUXILIARY = re.compile(r"\b(is|are|was|were|can|could|will|would|may|might|must|should|has|have|had)\b")
_DO_NOT = re.compile(r"\b(does|do|did) not (\w+)")
_NOT = re.compile(r"^(?:n't| not| never)\b")
_DENIAL = re.compile(r"\b(?:not|never|n't|no|nor|neither|none|nothing|nobody|without|hardly|rarely|cannot)\b")
_OTHER_CLAUSE = re.compile(r"\b(?:who|which|that|where|when|to)\b|,")
_UNFIT_START = re.compile(
    r"(?:if|when|while|as|although|because|since|after|before|in|on|at|by|for|with|but|and|or|so|there|who|which|what"
    r"|that|how|why|where|however|though|unless|until|during|from|under|among|to|no|not|of)\b",
    re.IGNORECASE,
)
_UNFIT = re.compile(r"[;:\"“()?|\[\]\n]|[!?:;]$")
_COMMON_START = re.compile(
    r"(?:The|A|An|This|These|Those|Some|All|Both|Many|Most|Each|Every|One|Two|Three|Several|Any|His|Her|Its|Their|Our"
    r"|My|Your|He|She|It|They|We|Employees|People|Students|Members)\b"
)


@dataclass(frozen=True, slots=True)
class InvertibleClause:
    """A sentence around its auxiliary: `rest` is without the denial, and begins with what follows the auxiliary."""

    subject: str
    auxiliary: str
    rest: str
    denied: bool

    @property
    def question(self) -> str:
        """What the sentence affirms or denies, asked."""
        subject = self.subject[0].lower() + self.subject[1:] if _COMMON_START.match(self.subject) else self.subject
        return f"{self.auxiliary.capitalize()} {subject} {self.rest}?"

    def opposite(self, denial: str = "not") -> str:
        """The sentence that says the opposite; "" where the verb's form is not known."""
        if not self.denied:
            return f"{self.subject} {self.auxiliary} {denial} {self.rest}."
        if self.auxiliary in ("do", "does", "did"):
            verb, _, others = self.rest.partition(" ")
            form = {"do": verb, "does": _third_person(verb), "did": ""}[self.auxiliary]
            return f"{self.subject} {form} {others}".rstrip() + "." if form else ""
        return f"{self.subject} {self.auxiliary} {self.rest}."


def read_clause(sentence: str) -> InvertibleClause | None:
    """The clause of a sentence that can be turned, or None."""
    sentence = sentence.strip().rstrip(".").strip()
    if not sentence or len(sentence) > LONGEST or _UNFIT.search(sentence) or _UNFIT_START.match(sentence):
        return None
    do, auxiliary = _DO_NOT.search(sentence), _AUXILIARY.search(sentence)
    found = do if do and (auxiliary is None or do.start() < auxiliary.start()) else auxiliary
    if found is None:
        return None
    subject = sentence[: found.start()].strip()
    if len(subject) < 2 or _OTHER_CLAUSE.search(subject) or _DENIAL.search(subject):
        return None
    rest = sentence[found.start(2) if found is do else found.end() :]
    denied = found is do or _NOT.match(rest) is not None
    rest = _NOT.sub("", rest).strip()
    if not rest or _DENIAL.search(rest):
        return None
    return InvertibleClause(subject, found[1], rest, denied)


def turn(passages: Sequence[ReaderPassage], rng: np.random.Generator, *, most: int) -> Iterator[ReaderInput]:
    """Inputs of one sentence of each passage, with it as it stands and as its opposite: at most so many passages.

    Passages that deny something come first, since there are few of them; the others as AFFIRMED says.
    """
    denied: list[tuple[ReaderPassage, tuple[int, int], InvertibleClause]] = []
    affirmed: list[tuple[ReaderPassage, tuple[int, int], InvertibleClause]] = []
    for i in rng.permutation(len(passages)):
        clauses = [(span, read_clause(passages[i].text[slice(*span)])) for span in sentence_spans(passages[i].text)]
        found = [(span, clause) for span, clause in clauses if clause]
        denials = [one for one in found if one[1].denied]
        if found and (denials or rng.random() < AFFIRMED):
            choice = denials or found
            (denied if denials else affirmed).append((passages[i], *choice[int(rng.integers(len(choice)))]))
    for passage, span, clause in [*denied[: most // 2], *affirmed][:most]:
        question = clause.question.lower() if rng.random() < LOWER else clause.question
        yield _ask(question, passage, span, passage.text[slice(*span)], NO if clause.denied else YES, rng)
        if opposite := clause.opposite(("not", "not", "never", "no longer")[int(rng.integers(4))]):
            yield _ask(question, passage, span, opposite, YES if clause.denied else NO, rng)
        rest = passage.text[: span[0]] + passage.text[span[1] :]
        if rest.strip() and rng.random() < LEFT_OUT:
            yield ReaderInput(question, (ReaderPassage(passage.title, rest, relevant=True),), UNSAID)


def _ask(
    question: str, passage: ReaderPassage, span: tuple[int, int], sentence: str, answer: int, rng: np.random.Generator
) -> ReaderInput:
    """With the sentence in the place of `span`, alone or among some of those around it."""
    before, after = sentence_spans(passage.text[: span[0]]), sentence_spans(passage.text[span[1] :])
    kept = int(rng.integers(3))
    start = before[-kept][0] if kept and len(before) >= kept else span[0]
    end = span[1] + (after[kept - 1][1] if kept and len(after) >= kept else 0)
    lead = passage.text[start : span[0]]
    text = lead + sentence + passage.text[span[1] : end]
    evidence = ((len(lead), len(lead) + len(sentence)),)
    one = replace(passage, text=text, answer=None, evidence=evidence, relevant=True)
    return ReaderInput(question, (one,), answer, complete=True)


def _third_person(verb: str) -> str:
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(?:s|x|z|ch|sh|o)$", verb) else "s")
